"""The topology: which node follows which. What they do is in `nodes`, what they know in `state`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph

from geofix.agent.context import Context
from geofix.agent.nodes.draft import draft
from geofix.agent.nodes.embed import embed
from geofix.agent.nodes.refine import refine
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.nodes.review import review
from geofix.agent.nodes.settle import settle
from geofix.agent.nodes.verify import verify
from geofix.agent.run.recording import FIRST_NODE, Node, recorded, threaded
from geofix.agent.services import Services
from geofix.agent.state import Answered, Query, State


def after_verify(state: State) -> Literal["retrieve", "refine", "review", "settle"]:
    """Route by the verdict; every round stops for a person where the run asks for that.

    LangGraph routes here too after `update_state`, and a region that a caller gave is searched.
    """
    assert state.verdict is not None
    if state.given_by_caller:
        return "retrieve"
    if state.asked.context.pause == "every_round":
        return "review"
    if state.verdict.decision == "refine" or state.verdict.decision == "review":
        return state.verdict.decision
    return "settle"


def after_review(state: State) -> Literal["retrieve", "draft", "refine", "settle"]:
    """Route by what the person decided."""
    assert state.verdict is not None
    if state.given_by_caller or state.verdict.decision == "look":
        return "retrieve"
    if state.verdict.decision == "hint":
        return "draft"
    return "refine" if state.verdict.decision == "refine" else "settle"


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
    ("settle", END),
)
"""Which node follows which; after `verify` and `review` the verdict decides."""


def build_graph(
    services: Callable[[], Services],
    *,
    under_asyncio: bool = False,
    nodes: Sequence[tuple[str, Node]] = NODES,
    edges: Sequence[tuple[str, str]] = EDGES,
) -> StateGraph[State, Context, Query, Answered]:
    """Return the graph, not compiled.

    Args:
        services: Gives what the nodes work with, when one runs.
        under_asyncio: Whether it is run by `ainvoke` and `astream` only; its nodes then leave the
            event loop's default executor to others.
        nodes: The nodes by name.
        edges: Which follows which.
    """
    builder = StateGraph(State, context_schema=Context, input_schema=Query, output_schema=Answered)
    for name, node in nodes:
        step = recorded(name, node, services)
        action: Any = threaded(step) if under_asyncio else step
        # Only the first sees what was put in; the others see what it made of that.
        reads: type[Any] = Query if name == FIRST_NODE else State
        builder.add_node(name, action, input_schema=reads)
    for before, after in edges:
        builder.add_edge(before, after)
    builder.add_conditional_edges("verify", after_verify)
    builder.add_conditional_edges("review", after_review)
    return builder
