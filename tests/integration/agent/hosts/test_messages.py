"""geofix as a graph of messages."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command

from geofix import Agent, DatabaseError, Fix, Settings, aopen_agent
from geofix.langgraph import as_messages_graph, serializer
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path

PARIS, VENICE = sample_path(), sample_path("indoor/gcs_close.jpg")
CHEAP = {"positives": 4, "negatives": 0, "geometry_pictures": 0}
CONFIG: Any = {"configurable": {"thread_id": "chat"}}


def encoded(photo: Path = PARIS) -> str:
    return base64.b64encode(photo.read_bytes()).decode()


def message(words: str = "", photo: Path | None = PARIS) -> HumanMessage:
    content: list[Any] = [{"type": "text", "text": words}] if words else []
    if photo is not None:
        content.append({"type": "image", "base64": encoded(photo), "mime_type": "image/jpeg"})
    return HumanMessage(content)


def region(agent: Agent, fix: Fix) -> str | None:
    within = agent.services.trail.read(fix.run).question["within"]
    return None if within is None else str(within["name"])


def test_a_picture_comes_in_and_a_message_goes_out(agent: Agent) -> None:
    graph = as_messages_graph(agent, checkpointer=InMemorySaver(serde=serializer()), **CHEAP)
    (answer,) = graph.invoke({"messages": [message("Where is this?")]}, CONFIG)["messages"]
    assert isinstance(answer, AIMessage)
    fix = Fix.read(answer.additional_kwargs["fix"])
    assert answer.text == f"{fix.to_text()} Photo {fix.photo}."
    assert (fix.status, region(agent, fix)) == ("located", None)
    # Later words ask about the same picture.
    told = graph.invoke({"messages": [message("within: France.", photo=None)]}, CONFIG)["messages"]
    again = Fix.read(told[-1].additional_kwargs["fix"])
    assert (again.photo, region(agent, again), again.run != fix.run) == (fix.photo, "France", True)
    assert encoded()[100:200] not in repr(list(graph.checkpointer.list(CONFIG)))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("France", "France"),
        ("Please look within = FR!", "France"),
        ("It", None),
        ("Where in France is that?", None),
        ("", None),
    ],
)
def test_a_region_is_read_only_where_it_is_written_as_one(
    shared_agent: Agent, words: str, expected: str | None
) -> None:
    told = as_messages_graph(shared_agent, **CHEAP).invoke({"messages": [message(words)]})
    fix = Fix.read(told["messages"][-1].additional_kwargs["fix"])
    assert region(shared_agent, fix) == expected


def test_what_cannot_be_asked_is_answered_by_a_message(agent: Agent) -> None:
    graph = as_messages_graph(agent, **CHEAP)

    def answer(asked: Any) -> AIMessage:
        last = graph.invoke({"messages": asked})["messages"][-1]
        assert isinstance(last, AIMessage)
        return last

    assert "Send a picture" in answer("Hello").text
    refused = answer([message("within: Atlantis")])
    assert refused.additional_kwargs == {"error": {"code": "region_invalid"}}
    assert "Atlantis" in refused.text
    broken = {"type": "image", "base64": "AAAA", "mime_type": "image/jpeg"}
    assert answer([HumanMessage([broken])]).additional_kwargs["error"]["code"] == "photo_unreadable"
    assert agent.services.trail.latest() == []


def test_what_is_not_the_askers_fault_is_raised(agent: Agent) -> None:
    graph = as_messages_graph(agent, **CHEAP)
    agent.services.close()
    with pytest.raises(DatabaseError, match="closed"):
        graph.invoke({"messages": [message()]})


def test_in_a_host_its_own_messages_stay_and_a_person_is_asked(agent: Agent) -> None:
    saver = InMemorySaver(serde=serializer())
    builder = StateGraph(MessagesState)
    builder.add_node("geofix", as_messages_graph(agent, accept_margin=1.0, pause="unsure", **CHEAP))
    builder.add_edge(START, "geofix")
    builder.add_edge("geofix", END)
    host = builder.compile(checkpointer=saver)
    asked = message("Where?")
    assert "__interrupt__" in host.invoke({"messages": [asked]}, CONFIG)
    told = host.invoke(Command(resume={"rank": 1}), CONFIG)["messages"]
    assert [type(one) for one in told] == [HumanMessage, AIMessage]
    assert told[0].content == asked.content
    fix = Fix.read(told[1].additional_kwargs["fix"])
    assert [run.id for run in agent.services.trail.of_thread("chat")] == [fix.run]
    inside = [one for one in saver.list(None) if one.config["configurable"]["checkpoint_ns"]]
    assert inside and encoded()[100:200] not in repr(inside)


async def test_the_same_under_asyncio(starter_url: str, encoder: Encoder) -> None:
    async with aopen_agent(Settings(database_url=starter_url), encoder=encoder) as agent:
        graph = as_messages_graph(agent, **CHEAP)
        (answer,) = (await graph.ainvoke({"messages": [message("France")]}))["messages"]
        assert answer.additional_kwargs["fix"]["status"] == "located"
        (refused,) = (await graph.ainvoke({"messages": [message("within: X")]}))["messages"]
        assert refused.additional_kwargs["error"]["code"] == "region_invalid"
