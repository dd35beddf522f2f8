"""The topology: which node follows which. What they do is in `nodes`, what they know in `state`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from langgraph.graph import END, START, StateGraph

from geofix.agent.context import Context
from geofix.agent.nodes.draft import draft
from geofix.agent.nodes.embed import embed
from geofix.agent.nodes.refine import refine
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.nodes.review import review
from geofix.agent.nodes.settle import settle
from geofix.agent.nodes.verify import verify
from geofix.agent.recording import recorded, threaded
from geofix.agent.services import Services
from geofix.agent.state import Fix, Query, State


def after_verify(state: State) -> Literal["refine", "review", "settle"]:
    """Route by the verdict."""
    assert state.verdict is not None
    if state.verdict.decision in {"refine", "review"}:
        return state.verdict.decision
    return "settle"


def build_graph(
    services: Callable[[], Services], *, under_asyncio: bool = False
) -> StateGraph[State, Context, Query, Fix]:
    """Return the graph, not compiled.

    Args:
        services: Gives what the nodes work with, when one runs.
        under_asyncio: Whether it is run by `ainvoke` and `astream` only; its nodes then leave the
            event loop's default executor to others.
    """
    builder = StateGraph(State, context_schema=Context, input_schema=Query, output_schema=Fix)
    for name, node in (
        ("embed", embed),
        ("retrieve", retrieve),
        ("draft", draft),
        ("verify", verify),
        ("refine", refine),
        ("review", review),
        ("settle", settle),
    ):
        step = recorded(name, node, services)
        if under_asyncio:
            builder.add_node(name, threaded(step))
        else:
            builder.add_node(name, step)
    builder.add_edge(START, "embed")
    builder.add_edge("embed", "retrieve")
    builder.add_edge("retrieve", "draft")
    builder.add_edge("draft", "verify")
    builder.add_conditional_edges("verify", after_verify)
    builder.add_edge("refine", "retrieve")
    builder.add_edge("review", "settle")
    builder.add_edge("settle", END)
    return builder
