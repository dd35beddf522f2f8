"""geofix as a graph of messages: a picture in, a message with the answer out.

LangGraph writes a graph's input into its first checkpoint. So the picture is stored before the
graph begins, and the graph gets its reference; what the host keeps of its own messages is the
host's matter.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, convert_to_messages
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph

from geofix.agent.async_facade import AsyncAgent
from geofix.agent.errors import GeofixError, RegionError
from geofix.agent.facade import Agent
from geofix.agent.fix import Fix
from geofix.agent.hosts.answers import plain, text_of
from geofix.agent.hosts.asking import aask, ask, checked_options, query_of, region_of
from geofix.agent.hosts.photos import latest_picture, stored
from geofix.agent.run.recording import in_thread
from geofix.agent.services import Services
from geofix.agent.state import Query

WITHIN = re.compile(r"\bwithin\s*[:=]\s*([^\n]+)", re.IGNORECASE)
"""How a region is written among other words."""

SHORTEST_REGION = 3
"""Letters of a message that is nothing but a region: `no` and `it` are codes of countries."""

NO_PICTURE = (
    "Send a picture to find out where it was taken. To limit the answer, write for example"
    " 'within: France'."
)


class Talk(TypedDict, total=False):
    """What the graph keeps: its own messages, and the latest question."""

    messages: Annotated[list[AnyMessage], add_messages]
    photo: str
    """Reference of the latest picture."""
    within: str | None
    """The region that the latest message names."""
    refused: AIMessage | None
    """What is said of a question that cannot be put."""


class Said(TypedDict):
    """What the graph gives back."""

    messages: Annotated[list[AnyMessage], add_messages]


class TalkBuilder(StateGraph[Talk, Any, Talk, Said]):
    """Compiles to a `TalkGraph`."""

    services: Services
    """Where photos are kept."""

    def compile(self, *args: Any, **options: Any) -> CompiledStateGraph[Talk, Any, Talk, Said]:
        """Compile the graph; arguments are those of LangGraph."""
        graph = TalkGraph.__new__(TalkGraph)
        vars(graph).update(vars(super().compile(*args, **options)))
        return graph


class TalkGraph(CompiledStateGraph[Talk, Any, Talk, Said]):
    """Every way to run it (`invoke`, `batch`, events, as a subgraph) leads through one of these."""

    builder: TalkBuilder

    def stream(self, input: Any, *args: Any, **options: Any) -> Iterator[Any]:
        """Run the graph; arguments are those of LangGraph."""
        yield from super().stream(_taken(input, self.builder.services), *args, **options)

    async def astream(self, input: Any, *args: Any, **options: Any) -> AsyncIterator[Any]:
        """Run the graph under asyncio; arguments are those of LangGraph."""
        taken = await in_thread(_taken, input, self.builder.services)
        async for chunk in super().astream(taken, *args, **options):
            yield chunk


def as_messages_graph(
    agent: Agent | AsyncAgent, *, checkpointer: Any = None, **options: Any
) -> CompiledStateGraph[Talk, Any, Talk, Said]:
    """Return a graph that takes messages and answers with a message.

    It locates the latest picture of the messages; a later message without one asks about the same
    picture again. The last message can name a region, alone or as `within: France` among other
    words. The answer is an `AIMessage`: its text is for people and models, and
    `additional_kwargs["fix"]` holds the whole answer as plain JSON types. A question that cannot be
    answered as asked is answered by a message too, with `additional_kwargs["error"]`.

    No picture gets into its checkpoints, nor into those of the run.

    Args:
        agent: Open for as long as the graph is used. With an `AsyncAgent` it runs under asyncio.
        checkpointer: For a graph that stands alone; a host's graph hands down its own.
        **options: Fields of `Context`. They come before those of the host's context.

    Raises:
        OptionError: There is no such option, or it cannot have this value.
    """
    chosen = checked_options(options)

    def locate(state: Talk) -> Said:
        assert isinstance(agent, Agent)
        message = _unasked(state)
        if message is None:
            try:
                message = _answer(ask(agent, _query(state), chosen))
            except GeofixError as error:
                message = _refusal(error)
        return {"messages": [message]}

    async def alocate(state: Talk) -> Said:
        assert isinstance(agent, AsyncAgent)
        message = _unasked(state)
        if message is None:
            try:
                message = _answer(await aask(agent, _query(state), chosen))
            except GeofixError as error:
                message = _refusal(error)
        return {"messages": [message]}

    builder = TalkBuilder(Talk, output_schema=Said)
    builder.services = agent.services
    node: Any = alocate if isinstance(agent, AsyncAgent) else locate
    builder.add_node("locate", node)
    builder.add_edge(START, "locate")
    builder.add_edge("locate", END)
    return builder.compile(checkpointer=checkpointer, name="geofix")


def _taken(given: Any, services: Services) -> Any:
    """Return what the graph keeps of its input: the question, and no picture."""
    if not isinstance(given, Mapping) or "messages" not in given:
        # Nothing new: a run goes on, or a person has chosen.
        return given
    messages = given["messages"]
    talk = convert_to_messages(messages if isinstance(messages, list) else [messages])
    taken: Talk = {"within": _region_in(talk), "refused": None}
    try:
        picture = latest_picture(talk)
        if picture is not None:
            taken["photo"] = stored(picture, services, None)
    except GeofixError as error:
        taken["refused"] = _refusal(error)
    return taken


def _region_in(talk: list[Any]) -> str | None:
    """Return the region that the last message of a person names, as it is written."""
    words = next((one.text.strip() for one in reversed(talk) if isinstance(one, HumanMessage)), "")
    named = WITHIN.search(words)
    if named is not None:
        return named[1].strip().rstrip(".!?")
    try:
        return words if len(words) >= SHORTEST_REGION and region_of(words) else None
    except RegionError:
        # Other words.
        return None


def _unasked(state: Talk) -> AIMessage | None:
    """Return what is said where there is nothing to ask."""
    if state.get("refused") is not None:
        return state["refused"]
    return None if state.get("photo") else AIMessage(NO_PICTURE)


def _query(state: Talk) -> Query:
    return query_of(state["photo"], state.get("within"), None)


def _answer(fix: Fix) -> AIMessage:
    return AIMessage(text_of(fix), additional_kwargs={"fix": plain(fix)})


def _refusal(error: GeofixError) -> AIMessage:
    """Return what is said of a question that cannot be answered as asked.

    Raises:
        GeofixError: The question is not at fault.
    """
    if not isinstance(error, ValueError):
        raise error
    return AIMessage(str(error), additional_kwargs={"error": {"code": error.code}})
