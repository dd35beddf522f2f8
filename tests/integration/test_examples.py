"""The programs of examples/ run."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from geofix import Fix, Settings, open_agent
from geofix.langgraph import serializer
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.fakes import CallingChat

EXAMPLES = Path(__file__).parents[2] / "examples"
PHOTO = sample_path()


def example(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # LangGraph looks there for the types of a state.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_each_example_has_a_test() -> None:
    tested = re.findall(r"example\(\"(\w+)\"\)", Path(__file__).read_text(encoding="utf-8"))
    assert set(tested) == {path.stem for path in EXAMPLES.glob("*.py")}


def test_a_node_in_a_graph(starter_url: str, encoder: Encoder) -> None:
    module = example("node_in_a_graph")
    config: Any = {"configurable": {"thread_id": "case-1"}, "recursion_limit": 30}
    with open_agent(Settings(database_url=starter_url), encoder=encoder) as agent:
        # So close that a person is asked.
        graph = module.build(agent, InMemorySaver(serde=serializer()))
        asked = {"picture": str(PHOTO), "region": "France"}
        told = graph.invoke(asked, config, context={"accept_margin": 1.0})
        assert told["__interrupt__"][0].value["question"]
        assert "Paris" in graph.invoke(Command(resume={"rank": 1}), config)["text"]


def test_a_tool_of_an_agent(starter_url: str, encoder: Encoder) -> None:
    pytest.importorskip("langchain", reason="the example needs langchain; `make test` installs it")
    module = example("tool_of_an_agent")
    with open_agent(Settings(database_url=starter_url), encoder=encoder) as agent:
        chat = module.build(agent, CallingChat(answers=[[{}], "Paris."]))
        *_, tool, last = chat.invoke({"messages": [module.question(PHOTO)]})["messages"]
    assert Fix.read(tool.artifact).located
    assert last.text == "Paris."


def test_a_graph_of_messages(starter_url: str, encoder: Encoder) -> None:
    module = example("graph_of_messages")
    with open_agent(Settings(database_url=starter_url), encoder=encoder) as agent:
        answers = module.talk(agent, PHOTO, "France")
    assert all(isinstance(answer, AIMessage) for answer in answers)
    assert [Fix.read(answer.additional_kwargs["fix"]).located for answer in answers] == [True] * 2


def test_an_engine_and_a_saver(starter_url: str, encoder: Encoder) -> None:
    engine = sqlalchemy.create_engine(starter_url.replace("postgresql:", "postgresql+psycopg:"))
    assert example("engine_and_saver").locate(engine, PHOTO, encoder=encoder).located
    engine.dispose()
