"""The topology: which node follows which. What they do is in `nodes`, what they know in `state`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from langgraph.graph import END, START

from geofix.agent.context import Context
from geofix.agent.nodes.draft import draft
from geofix.agent.nodes.embed import embed
from geofix.agent.nodes.refine import refine
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.nodes.review import review
from geofix.agent.nodes.settle import settle
from geofix.agent.nodes.verify import verify
from geofix.agent.recording import Node, recorded, threaded
from geofix.agent.services import Services
from geofix.agent.state import Fix, Query, State
from geofix.agent.tracing import GraphBuilder


def after_verify(state: State) -> Literal["refine", "review", "settle"]:
    """Route by the verdict."""
    assert state.verdict is not None
    if state.verdict.decision in {"refine", "review"}:
        return state.verdict.decision
    return "settle"


NODES: tuple[tuple[str, Node], ...] = (
    ("embed", embed),
    ("retrieve", retrieve),
    ("draft", draft),
    ("verify", verify),
    ("refine", refine),
    ("review", review),
    ("settle", settle),
)
"""Every node by the name that the trail shows."""

EDGES: tuple[tuple[str, str], ...] = (
    (START, "embed"),
    ("embed", "retrieve"),
    ("retrieve", "draft"),
    ("draft", "verify"),
    ("refine", "retrieve"),
    ("review", "settle"),
    ("settle", END),
)
"""Which node follows which; after `verify` the verdict decides."""


def build_graph(
    services: Callable[[], Services],
    *,
    under_asyncio: bool = False,
    nodes: Sequence[tuple[str, Node]] = NODES,
    edges: Sequence[tuple[str, str]] = EDGES,
) -> GraphBuilder:
    """Return the graph, not compiled.

    Args:
        services: Gives what the nodes work with, when one runs.
        under_asyncio: Whether it is run by `ainvoke` and `astream` only; its nodes then leave the
            event loop's default executor to others.
        nodes: The nodes by name.
        edges: Which follows which.
    """
    builder = GraphBuilder(State, context_schema=Context, input_schema=Query, output_schema=Fix)
    builder.services = services
    for name, node in nodes:
        step = recorded(name, node, services)
        if under_asyncio:
            builder.add_node(name, threaded(step))
        else:
            builder.add_node(name, step)
    for before, after in edges:
        builder.add_edge(before, after)
    builder.add_conditional_edges("verify", after_verify)
    return builder
