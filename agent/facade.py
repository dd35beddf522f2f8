"""The facade that Python callers, the command line and services use.

`Agent` runs the graph with LangGraph's synchronous saver, `AsyncAgent` with the asynchronous one,
because a synchronous saver raises NotImplementedError under `ainvoke`.

The nodes are synchronous and run in threads of geofix's own (`geofix.agent.recording`), so one
event loop can serve many photos at once and keeps its own threads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command, Durability, StateSnapshot

from geofix.agent.calibration.claims import Coordinates
from geofix.agent.checkpointer import serializer
from geofix.agent.graph import Graph, build_graph
from geofix.agent.intake import (
    REFERENCE,
    Question,
    choice_of,
    complete_answer,
    config_of,
    open_question,
    reopen,
    take_in,
)
from geofix.agent.recording import in_thread
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.agent.state import Fix, Query, Region
from geofix.db.checkpoints import AsyncCheckpointPool, CheckpointPool
from geofix.tools.encoders import Encoder
from geofix.tools.photo.read import Photo

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Listener = Callable[[dict[str, Any]], None]


def with_saver(compiled: Graph, saver: BaseCheckpointSaver[str]) -> Graph:
    """Return a copy of a compiled graph with another checkpoint saver."""
    # Not `compiled.copy(update=...)`: that one forgets how answers become a `Fix` (langgraph
    # 1.2.22, `_output_mapper`).
    graph = copy(compiled)
    graph.checkpointer = saver
    return graph


class _Facade:
    """What both facades share: the compiled graph, and how a question is put to it."""

    def __init__(
        self, services: Services, *, durability: Durability, under_asyncio: bool = False
    ) -> None:
        self.services = services
        self._durability: Durability = durability
        self._serializer = serializer()
        graph = build_graph(lambda: self.services, under_asyncio=under_asyncio)
        self._compiled = graph.compile(name="geofix")

    def _run_options(self, asked: Question) -> dict[str, Any]:
        """Return what a run is streamed with; it gives our events and no others."""
        return {
            "config": config_of(asked.run, asked.context),
            "context": asked.context,
            "stream_mode": "custom",
            "durability": self._durability,
        }


def _to_ask(asked: Question, state: StateSnapshot) -> tuple[bool, Query | None]:
    """Return whether a run has to be driven, and with which question; none goes on with it."""
    return not state.created_at or bool(state.tasks), None if state.tasks else asked.query


def _to_resume(state: StateSnapshot, rank: int | None) -> tuple[bool, Command[Any] | None]:
    """Return whether a run goes on, and with which choice of a person.

    Raises:
        TrailError: There is no such candidate, or nobody was asked.
    """
    goes_on = rank is not None or (bool(state.tasks) and not state.interrupts)
    return goes_on, choice_of(state, rank) if goes_on else None


class Agent(_Facade):
    """An open geofix with a loaded encoder and an open database, for any number of photos."""

    def __init__(
        self,
        services: Services,
        pool: CheckpointPool,
        durability: Durability = "sync",
    ) -> None:
        """Use `open_agent` instead; it opens and closes what this needs."""
        super().__init__(services, durability=durability)
        self._pool = pool

    @property
    def graph(self) -> Graph:
        """The compiled graph with its checkpoints: for history, time travel and forks.

        Each is a copy with a saver of its own, since one saver serves one run at a time. Nodes and
        schemas are shared: to compile them anew takes 15 ms of CPU, the copy 0.1 ms.
        """
        saver = PostgresSaver(self._pool, serde=self._serializer)
        return with_saver(self._compiled, saver)

    def keep(self, photo: Path | str | bytes) -> str:
        """Store a photo, and return the reference that `graph` takes: `sha256:<hex>` of the file.

        Raises:
            PhotoError: It is no photo; the text says why.
        """
        return REFERENCE + take_in(photo, self.services.queries).sha256

    def locate(
        self,
        photo: Path | str | bytes | Photo,
        *,
        within: str | Region | None = None,
        claim: str | Coordinates | None = None,
        thread_id: str | None = None,
        on_event: Listener | None = None,
        **options: Any,
    ) -> Fix:
        """Locate one photo.

        Args:
            photo: Path or bytes of an image file, or what `read_photo` made of one.
            within: Where the answer may lie: a country, a circle as `LAT,LON,KM`, or a box as
                `SOUTH,WEST,NORTH,EAST` in degrees (west greater than east: across the
                antimeridian).
            claim: A place to check, as `LAT,LON` or a pair, which is shown last among the
                candidates and changes none of them; or `exif` for what the file says, which is not
                shown there.
            thread_id: Id of the run; made up if none is given. A run that was cut off goes on
                where it was, a finished one answers again what it answered.
            on_event: Called with every node's start and end.
            **options: Fields of `Context`.

        Returns:
            The answer; `status` says whether there is one.

        Raises:
            GeofixError: The photo, an option or the set-up is unusable; see `geofix.agent.errors`.
        """
        asked = open_question(self.services, photo, within, thread_id, options, claim)
        graph = self.graph
        config = config_of(asked.run, asked.context)
        goes_on, question = _to_ask(asked, graph.get_state(config))
        if goes_on:
            self._drive(graph, question, asked, on_event)
        return complete_answer(self.services, asked, graph.get_state(config))

    def resume(self, run: str, *, rank: int | None = None, on_event: Listener | None = None) -> Fix:
        """Go on with a run that was cut off, or that waits for a person.

        Args:
            run: Its id.
            rank: The candidate a person chose, if the run waits for one, 0 if none is right;
                without a choice it goes on waiting.
            on_event: Called with every node's start and end.

        Raises:
            TrailError: There is no such run, or no such candidate.
        """
        asked = reopen(self.services, run)
        graph = self.graph
        config = config_of(run, asked.context)
        goes_on, choice = _to_resume(graph.get_state(config), rank)
        if goes_on:
            self._drive(graph, choice, asked, on_event)
        return complete_answer(self.services, asked, graph.get_state(config))

    def _drive(
        self,
        graph: Graph,
        question: Query | Command[Any] | None,
        asked: Question,
        on_event: Listener | None,
    ) -> None:
        for event in graph.stream(question, **self._run_options(asked)):
            if on_event is not None:
                on_event(event)


@contextmanager
def open_agent(
    settings: Settings | None = None,
    *,
    encoder: Encoder | None = None,
    model: BaseChatModel | str | None = None,
    progress: Callable[[str], None] | None = None,
    durability: Durability = "sync",
) -> Iterator[Agent]:
    """Open geofix for several photos; everything slow is loaded once.

    Args:
        settings: Read from the environment if none are given.
        encoder: Used instead of the one the settings name.
        model: Any LangChain chat model that takes images, instead of the settings' one.
        progress: Called with one line when something slow is about to happen.
        durability: When LangGraph saves a run. Only by `sync` has one that is killed saved what it
            paid for; `exit`, once at the end, is for batches that ask a lost photo again.
    """
    with Services(settings, encoder=encoder, model=model, progress=progress) as services:
        # Before the pool: it sets the embedded database up, checkpoints included.
        services.open_for_runs()
        with services.checkpoint_pool() as pool:
            yield Agent(services, pool, durability)


def locate(
    photo: Path | str | bytes,
    *,
    within: str | Region | None = None,
    claim: str | Coordinates | None = None,
    settings: Settings | None = None,
    model: BaseChatModel | str | None = None,
    **options: Any,
) -> Fix:
    """Locate one photo; for several, `open_agent` loads everything once only.

    Args:
        photo: Path or bytes of an image file.
        within: Where the answer may lie: a country, a circle as `LAT,LON,KM`, or a box as
            `SOUTH,WEST,NORTH,EAST` in degrees (west greater than east: across the
            antimeridian).
        claim: A place to check, as `LAT,LON` or a pair, or `exif`.
        settings: Read from the environment if none are given.
        model: Any LangChain chat model that takes images.
        **options: Fields of `Context`.

    Raises:
        GeofixError: The photo, an option or the set-up is unusable; see `geofix.agent.errors`.
    """
    with open_agent(settings, model=model) as agent:
        return agent.locate(photo, within=within, claim=claim, **options)


class AsyncAgent(_Facade):
    """An open geofix for asyncio; see `Agent` for what each method does."""

    def __init__(
        self, services: Services, pool: AsyncCheckpointPool, durability: Durability = "sync"
    ) -> None:
        """Use `aopen_agent` instead; it opens and closes what this needs."""
        super().__init__(services, durability=durability, under_asyncio=True)
        self._pool = pool

    @property
    def graph(self) -> Graph:
        """The compiled graph with its checkpoints; each has a saver of its own."""
        saver = AsyncPostgresSaver(self._pool, serde=self._serializer)
        return with_saver(self._compiled, saver)

    async def akeep(self, photo: Path | str | bytes) -> str:
        """Store a photo, and return its reference; see `Agent.keep`."""
        kept = await in_thread(take_in, photo, self.services.queries)
        return REFERENCE + kept.sha256

    async def alocate(
        self,
        photo: Path | str | bytes | Photo,
        *,
        within: str | Region | None = None,
        claim: str | Coordinates | None = None,
        thread_id: str | None = None,
        on_event: Listener | None = None,
        **options: Any,
    ) -> Fix:
        """Locate one photo; arguments and errors are those of `Agent.locate`."""
        asked = await in_thread(
            open_question, self.services, photo, within, thread_id, options, claim
        )
        graph = self.graph
        config = config_of(asked.run, asked.context)
        goes_on, question = _to_ask(asked, await graph.aget_state(config))
        if goes_on:
            await self._drive(graph, question, asked, on_event)
        finished = await graph.aget_state(config)
        return await in_thread(complete_answer, self.services, asked, finished)

    async def aresume(
        self, run: str, *, rank: int | None = None, on_event: Listener | None = None
    ) -> Fix:
        """Go on with a run; arguments and errors are those of `Agent.resume`."""
        asked = await in_thread(reopen, self.services, run)
        graph = self.graph
        config = config_of(run, asked.context)
        goes_on, choice = _to_resume(await graph.aget_state(config), rank)
        if goes_on:
            await self._drive(graph, choice, asked, on_event)
        finished = await graph.aget_state(config)
        return await in_thread(complete_answer, self.services, asked, finished)

    async def _drive(
        self,
        graph: Graph,
        question: Query | Command[Any] | None,
        asked: Question,
        on_event: Listener | None,
    ) -> None:
        async for event in graph.astream(question, **self._run_options(asked)):
            if on_event is not None:
                on_event(event)


@asynccontextmanager
async def aopen_agent(
    settings: Settings | None = None,
    *,
    encoder: Encoder | None = None,
    model: BaseChatModel | str | None = None,
    progress: Callable[[str], None] | None = None,
    durability: Durability = "sync",
) -> AsyncIterator[AsyncAgent]:
    """Open geofix for several photos at once; arguments are those of `open_agent`."""
    services = Services(settings, encoder=encoder, model=model, progress=progress)
    try:
        # In a thread, since the embedded server may have to be started.
        await in_thread(services.open_for_runs)
        async with services.async_checkpoint_pool() as pool:
            yield AsyncAgent(services, pool, durability)
    finally:
        await in_thread(services.close)


async def alocate(
    photo: Path | str | bytes,
    *,
    within: str | Region | None = None,
    claim: str | Coordinates | None = None,
    settings: Settings | None = None,
    model: BaseChatModel | str | None = None,
    **options: Any,
) -> Fix:
    """Locate one photo; for several, `aopen_agent` loads everything once only."""
    async with aopen_agent(settings, model=model) as agent:
        return await agent.alocate(photo, within=within, claim=claim, **options)
