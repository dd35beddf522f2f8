"""geofix inside the graphs, agents and servers of others; see docs/embedding.md.

from geofix import open_agent
from geofix.langgraph import as_node, serializer

with open_agent() as agent:
builder.add_node("locate", as_node(agent, photo="picture", answer="where"))
graph = builder.compile(checkpointer=InMemorySaver(serde=serializer()))
"""

from __future__ import annotations

from geofix.agent.checkpointer import PERSISTED, serializer
from geofix.agent.graph import build_graph
from geofix.agent.hosts.messages import as_messages_graph
from geofix.agent.hosts.node import as_node
from geofix.agent.hosts.tool import as_tool

__all__ = [
    "PERSISTED",
    "as_messages_graph",
    "as_node",
    "as_tool",
    "build_graph",
    "serializer",
]
