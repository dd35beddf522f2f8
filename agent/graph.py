"""The topology: which node follows which. What they do is in `nodes`, what they know in `state`.

LangGraph writes a run's input into the first checkpoint and shows it to every callback before a
node runs. So the compiled graph stores a photo that comes as a `data:` URL, the whole file with its
EXIF, before the run begins, and gives the run its reference.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command
from pydantic import BaseModel

from geofix.agent.context import Context
from geofix.agent.nodes.draft import draft
from geofix.agent.nodes.embed import embed
from geofix.agent.nodes.refine import refine
from geofix.agent.nodes.retrieve import retrieve
from geofix.agent.nodes.review import review
from geofix.agent.nodes.settle import settle
from geofix.agent.nodes.verify import verify
from geofix.agent.run.intake import resolve
from geofix.agent.run.recording import FIRST_NODE, Node, in_thread, recorded, threaded
from geofix.agent.services import Services
from geofix.agent.state import REFERENCE, Answered, Query, State
from geofix.tools.models.privacy import untraced

Graph = CompiledStateGraph[State, Context, Query, Answered]


class GraphBuilder(StateGraph[State, Context, Query, Answered]):
    """Compiles to a `PhotoGraph`."""

    services: Callable[[], Services]
    """Gives what the nodes work with."""

    def compile(self, *args: Any, **options: Any) -> Graph:
        """Compile the graph; arguments are those of LangGraph."""
        compiled = super().compile(*args, **options)
        graph = PhotoGraph.__new__(PhotoGraph)
        # Not `compiled.copy()`, which forgets how answers become a `Fix` (langgraph 1.2.22).
        vars(graph).update(vars(compiled))
        return graph


class PhotoGraph(Graph):
    """Every way to run it (`invoke`, `batch`, events, as a subgraph) leads through one of these."""

    builder: GraphBuilder

    def stream(
        self, input: Query | dict[str, Any] | Command[Any] | None, *args: Any, **options: Any
    ) -> Iterator[Any]:
        """Run the graph; arguments are those of LangGraph.

        Raises:
            PhotoError: The photo is a `data:` URL and no photo.
        """
        services = self.builder.services()
        asked = _by_reference(input, services)
        offline = services.settings.offline
        # LangGraph's is a generator, which its type does not say.
        steps: Any = super().stream(asked, *args, **options)
        with closing(steps) as chunks:
            while True:
                # Each step by itself: the caller's own work between two is traced.
                with untraced(offline):
                    try:
                        chunk = next(chunks)
                    except StopIteration:
                        return
                yield chunk

    async def astream(
        self, input: Query | dict[str, Any] | Command[Any] | None, *args: Any, **options: Any
    ) -> AsyncIterator[Any]:
        """Run the graph under asyncio; arguments are those of LangGraph.

        Raises:
            PhotoError: The photo is a `data:` URL and no photo.
        """
        services = await in_thread(self.builder.services)
        asked = await in_thread(_by_reference, input, services)
        offline = services.settings.offline
        steps: Any = super().astream(asked, *args, **options)
        async with aclosing(steps) as chunks:
            while True:
                with untraced(offline):
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        return
                yield chunk


def _by_reference(input: Any, services: Services) -> Any:
    """Return an input whose photo is stored, and named by its reference."""
    # As a part of a host's graph, it may be given a state of the host's own class.
    given = dict(input) if isinstance(input, dict | BaseModel) else {}
    photo = given.get("photo")
    if not isinstance(photo, str) or photo[:5].lower() != "data:":
        return input
    changed = {"photo": REFERENCE + resolve(photo, services.queries).sha256}
    return {**input, **changed} if isinstance(input, dict) else input.model_copy(update=changed)


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
) -> GraphBuilder:
    """Return the graph, not compiled.

    Args:
        services: Gives what the nodes work with, when one runs.
        under_asyncio: Whether it is run by `ainvoke` and `astream` only; its nodes then leave the
            event loop's default executor to others.
        nodes: The nodes by name.
        edges: Which follows which.
    """
    builder = GraphBuilder(
        State, context_schema=Context, input_schema=Query, output_schema=Answered
    )
    builder.services = services
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
