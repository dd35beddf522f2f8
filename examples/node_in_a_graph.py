"""A graph of yours with geofix as one of its nodes, in which a person may have to choose.

python examples/node_in_a_graph.py photo.jpg
"""

from __future__ import annotations

import sys
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from geofix import Agent, Fix, open_agent
from geofix.langgraph import as_node, serializer


class Report(TypedDict, total=False):
    """The state of your graph; its keys are named as you like."""

    picture: str
    region: str
    where: Fix
    text: str


def write(state: Report) -> Report:
    """Do something with the answer."""
    return {"text": state["where"].to_text()}


def build(agent: Agent, checkpointer: Any) -> Any:
    """Return your graph."""
    builder = StateGraph(Report)
    locate = as_node(agent, photo="picture", within="region", answer="where", pause="unsure")
    builder.add_node("locate", locate)
    builder.add_node("write", write)
    builder.add_edge(START, "locate")
    builder.add_edge("locate", "write")
    builder.add_edge("write", END)
    return builder.compile(checkpointer=checkpointer)


if __name__ == "__main__":
    config: Any = {"configurable": {"thread_id": "case-1"}}
    with open_agent() as agent:
        graph = build(agent, InMemorySaver(serde=serializer()))
        told = graph.invoke({"picture": sys.argv[1]}, config)
        if "__interrupt__" in told:
            print(told["__interrupt__"][0].value["question"])
            told = graph.invoke(Command(resume={"rank": int(input("rank: "))}), config)
        print(told["text"])
