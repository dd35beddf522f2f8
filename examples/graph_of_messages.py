"""A graph for hosts that speak only messages, here one that answers in a thread.

python examples/graph_of_messages.py photo.jpg France
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from geofix import Agent, Fix, open_agent
from geofix.langgraph import as_messages_graph, serializer

THREAD: Any = {"configurable": {"thread_id": "chat-1"}}


def talk(agent: Agent, photo: Path, region: str) -> list[AIMessage]:
    """Send a picture, then limit the answer to a region."""
    graph = as_messages_graph(agent, checkpointer=InMemorySaver(serde=serializer()))
    encoded = base64.b64encode(photo.read_bytes()).decode("ascii")
    picture = {"type": "image", "base64": encoded, "mime_type": "image/jpeg"}
    answers = []
    for content in ([picture], f"within: {region}"):
        told = graph.invoke({"messages": [HumanMessage(content)]}, THREAD)
        answers.append(told["messages"][-1])
    return answers


if __name__ == "__main__":
    with open_agent() as agent:
        for answer in talk(agent, Path(sys.argv[1]), sys.argv[2]):
            print(answer.text)
            if "fix" in answer.additional_kwargs:
                print(Fix.read(answer.additional_kwargs["fix"]).position)
