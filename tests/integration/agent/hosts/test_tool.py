"""geofix as a tool of an agent whose model says what a test lets it say."""

from __future__ import annotations

import base64
import importlib
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import create_react_agent
from langgraph.types import Command
from langgraph.warnings import LangGraphDeprecatedSinceV10

from geofix import Agent, Fix, Settings, aopen_agent
from geofix.agent.run.intake import take_in
from geofix.langgraph import as_tool, serializer
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.fakes import CallingChat

PARIS, VENICE = sample_path(), sample_path("indoor/gcs_close.jpg")
CHEAP = {"positives": 4, "negatives": 0, "geometry_pictures": 0}


def agent_of(model: Any, tool: Any, saver: Any = None) -> Any:
    """The agent that the installed packages make."""
    if importlib.util.find_spec("langchain") is not None:
        return importlib.import_module("langchain.agents").create_agent(
            model, [tool], checkpointer=saver
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LangGraphDeprecatedSinceV10)
        return create_react_agent(model, [tool], checkpointer=saver)


def picture(photo: Path = PARIS) -> dict[str, Any]:
    encoded = base64.b64encode(photo.read_bytes()).decode()
    return {"type": "image", "base64": encoded, "mime_type": "image/jpeg"}


def reference(agent: Any, photo: Path = PARIS) -> str:
    return f"sha256:{take_in(photo, agent.services.queries).sha256}"


def asked(words: str, *photos: Path) -> dict[str, Any]:
    return {"messages": [HumanMessage([{"type": "text", "text": words}, *map(picture, photos)])]}


def told(result: dict[str, Any]) -> list[ToolMessage]:
    return [message for message in result["messages"] if isinstance(message, ToolMessage)]


def test_a_model_sees_what_it_may_ask_and_nothing_of_the_host(agent: Agent) -> None:
    tool = as_tool(agent)
    schema: Any = tool.tool_call_schema
    fields = schema.model_json_schema()["properties"]
    assert set(fields) == {"photo", "within"}
    assert all("description" in field for field in fields.values())
    assert "file name" not in fields["photo"]["description"]


def test_an_agent_asks_about_the_latest_picture_and_again_by_its_reference(agent: Agent) -> None:
    ref = reference(agent)
    model = CallingChat(answers=[[{}], [{"photo": ref, "within": "France"}], "There."])
    host = agent_of(model, as_tool(agent, **CHEAP), InMemorySaver(serde=serializer()))
    config: Any = {"configurable": {"thread_id": "chat"}}
    first, again = told(host.invoke(asked("Where?", VENICE, PARIS), config))
    fix = Fix.read(first.artifact)
    assert first.text == f"{fix.to_text()} Photo {ref}."
    assert (fix.photo, fix.status) == (ref, "located")
    runs = agent.services.trail.of_thread("chat")
    assert [run.id for run in runs] == [fix.run, again.artifact["run"]]
    assert [run.question["within"] and run.question["within"]["name"] for run in runs] == [
        None,
        "France",
    ]
    # The model got the text and nothing else of ours.
    shown = [one for one in model.seen[-1] if isinstance(one, ToolMessage)]
    assert [one.content for one in shown] == [first.text, again.text]


def test_what_geofix_refuses_is_told_to_the_model(agent: Agent) -> None:
    calls = [
        {},
        {"photo": "sha256:" + "0" * 64},
        {"photo": "/etc/passwd"},
        {"photo": reference(agent), "within": "Atlantis"},
    ]
    model = CallingChat(answers=[calls, "No."])
    result = agent_of(model, as_tool(agent)).invoke({"messages": [HumanMessage("Where?")]})
    answers = told(result)
    assert [one.status for one in answers] == ["error"] * 4
    for one, words in zip(
        answers, ("no picture", "0000", "files are closed", "Atlantis"), strict=True
    ):
        assert words in one.text
    assert result["messages"][-1].text == "No."


def test_a_model_reads_files_only_from_the_folder(agent: Agent, tmp_path: Path) -> None:
    home = tmp_path / "photos"
    home.mkdir()
    (home / "one.jpg").write_bytes(PARIS.read_bytes())
    (tmp_path / "secret.jpg").write_bytes(VENICE.read_bytes())
    (home / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    tool = as_tool(agent, folder=home, **CHEAP)
    refused = ("../secret.jpg", "link.jpg", str(tmp_path / "secret.jpg"), "data:image/png;base64,")
    calls = [{"photo": path} for path in (*refused, "one.jpg")]
    model = CallingChat(answers=[calls, "Done."])
    *outside, inside = told(agent_of(model, tool).invoke({"messages": [HumanMessage("Where?")]}))
    assert [one.status for one in outside] == ["error"] * len(refused)
    assert inside.artifact["photo"] == reference(agent)
    assert "one.jpg" not in inside.text + str(inside.artifact)


def test_a_linked_picture_is_not_fetched(agent: Agent) -> None:
    linked = {"type": "image_url", "image_url": {"url": "https://example.invalid/a.jpg"}}
    model = CallingChat(answers=[[{}], "No."])
    result = agent_of(model, as_tool(agent)).invoke({"messages": [HumanMessage([linked])]})
    (answer,) = told(result)
    assert answer.status == "error" and "is only linked" in answer.text


@pytest.mark.parametrize(
    "block",
    [
        lambda data: {"type": "image", "source_type": "base64", "data": data,
                      "mime_type": "image/jpeg"},
        lambda data: {"type": "image_url",
                      "image_url": {"url": f"data:image/jpeg;base64,{data}"}},
        lambda data: {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg",
                                                  "data": data}},
    ],
    ids=["langchain-0", "openai", "anthropic"],
)  # fmt: skip
def test_pictures_are_found_in_every_form_of_message(agent: Agent, block: Any) -> None:
    message = HumanMessage([block(picture()["base64"])])
    model = CallingChat(answers=[[{}], "There."])
    (answer,) = told(agent_of(model, as_tool(agent, **CHEAP)).invoke({"messages": [message]}))
    assert answer.artifact["photo"] == reference(agent)


def test_an_agent_asks_a_person_and_goes_on(agent: Agent) -> None:
    tool = as_tool(agent, accept_margin=1.0, pause="unsure", **CHEAP)
    model = CallingChat(answers=[[{}], "There."])
    # LangGraph's own serializer loads our classes too, and warns of it in the log.
    host = agent_of(model, tool, InMemorySaver())
    config: Any = {"configurable": {"thread_id": "chat"}}
    waiting = host.invoke(asked("Where?", PARIS), config)
    (question,) = waiting["__interrupt__"]
    assert told(waiting) == []
    (answer,) = told(host.invoke(Command(resume={"rank": 2}), config))
    second = question.value["candidates"][1]
    assert answer.artifact["position"]["latitude"] == pytest.approx(second["latitude"], abs=1e-5)
    assert len(agent.services.trail.of_thread("chat")) == 1


def test_a_tool_works_outside_a_graph_and_says_that_nobody_can_be_asked(agent: Agent) -> None:
    call = {"type": "tool_call", "id": "1", "name": "locate_photo",
            "args": {"photo": reference(agent)}}  # fmt: skip
    assert as_tool(agent, **CHEAP).invoke(call).artifact["status"] == "located"
    asks = as_tool(agent, accept_margin=1.0, pause="unsure", **CHEAP)
    answer = asks.invoke(call)
    assert answer.status == "error" and "nothing here can ask one" in answer.text


async def test_the_same_under_asyncio(starter_url: str, encoder: Encoder) -> None:
    settings = Settings(database_url=starter_url)
    async with aopen_agent(settings, encoder=encoder) as agent:
        model = CallingChat(answers=[[{}, {"photo": "sha256:" + "0" * 64}], "There."])
        host = agent_of(model, as_tool(agent, **CHEAP))
        events, last = [], None
        async for mode, one in host.astream(
            asked("Where?", PARIS), stream_mode=["custom", "values"]
        ):
            if mode == "custom":
                events.append(one)
            else:
                last = one
        assert last is not None
        found, refused = told(last)
        assert found.artifact["photo"] == reference(agent)
        assert refused.status == "error"
        assert "settle" in [one.node for one in events if one.kind == "step_done"]
