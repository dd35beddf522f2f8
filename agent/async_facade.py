"""The facade for asyncio; what each method does is said in `geofix.agent.facade`.

The nodes are synchronous and run in threads of geofix's own (`geofix.agent.run.recording`), so one
event loop can serve many photos at once and keeps its own threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.types import Durability, StateSnapshot
from sqlalchemy import Engine

from geofix.agent.calibration.claims import Coordinates
from geofix.agent.facade import (
    ASK_AGAIN_S,
    Facade,
    Listener,
    Next,
    to_ask,
    to_go_on,
)
from geofix.agent.fix import Fix
from geofix.agent.graph import Graph
from geofix.agent.run.decision import Answer
from geofix.agent.run.events import AnyEvent, settled_before
from geofix.agent.run.intake import take_in
from geofix.agent.run.opening import (
    Question,
    answer_of,
    begun_anew,
    deciding,
    fix_of,
    head_of,
    open_question,
    reopen,
    waiting_answer,
)
from geofix.agent.run.recording import in_thread
from geofix.agent.savers import Saver, Savers, async_opened_savers, with_saver
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.agent.state import REFERENCE, Region, Settled
from geofix.tools.encoders import Encoder
from geofix.tools.photo.read import Photo

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class AsyncAgent(Facade):
    """An open geofix for asyncio; see `Agent` for what each method does."""

    def __init__(self, services: Services, savers: Savers, durability: Durability = "sync") -> None:
        """Use `aopen_agent` instead; it opens and closes what this needs."""
        super().__init__(services, durability=durability, under_asyncio=True)
        self._savers = savers

    @property
    def graph(self) -> Graph:
        """The compiled graph with its checkpoints; each has a saver of its own."""
        return with_saver(self._compiled, self._savers())

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
        run_id: str | None = None,
        on_event: Listener | None = None,
        **options: Any,
    ) -> Fix:
        """Locate one photo; arguments and errors are those of `Agent.locate`."""
        asked = await in_thread(
            open_question,
            self.services,
            photo,
            within,
            options,
            claim,
            thread=thread_id,
            run=run_id,
        )
        return await self._finished(asked, lambda state: to_ask(asked, state), on_event)

    async def aresume(
        self, run: str, *, rank: int | None = None, on_event: Listener | None = None
    ) -> Fix:
        """Go on with a run; arguments and errors are those of `Agent.resume`."""
        if rank is not None:
            return await self.aanswer(run, {"rank": rank}, on_event=on_event)
        asked = await in_thread(reopen, self.services, run)
        return await self._finished(asked, to_go_on, on_event)

    async def aanswer(
        self,
        run: str,
        decision: Answer,
        *,
        by: str | None = None,
        on_event: Listener | None = None,
        **fields: Any,
    ) -> Fix:
        """Give a run a person's decision; arguments and errors are those of `Agent.answer`."""
        asked = await in_thread(reopen, self.services, run)
        next_ = deciding(self.services, run, decision, by=by, **fields)
        return await self._finished(asked, next_, on_event, answered=True)

    async def astream(
        self,
        photo: Path | str | bytes | Photo,
        *,
        within: str | Region | None = None,
        claim: str | Coordinates | None = None,
        thread_id: str | None = None,
        run_id: str | None = None,
        **options: Any,
    ) -> AsyncIterator[AnyEvent]:
        """Locate one photo, and yield what happens meanwhile; see `Agent.stream`."""
        asked = await in_thread(
            open_question,
            self.services,
            photo,
            within,
            options,
            claim,
            thread=thread_id,
            run=run_id,
        )
        last = None
        async for told in self._driven(asked, lambda state: to_ask(asked, state)):
            if not isinstance(told, Fix):
                yield (last := told)
            elif last is None:
                yield settled_before(told)

    async def _finished(
        self,
        asked: Question,
        next_: Next,
        on_event: Listener | None,
        *,
        answered: bool = False,
    ) -> Fix:
        """Return the answer of a run; see `Agent`."""
        async for told in self._driven(asked, next_, answered=answered):
            if isinstance(told, Fix):
                return told
            if on_event is not None:
                on_event(told)
        raise AssertionError("the last that is told of a run is its answer")

    async def _driven(
        self, asked: Question, next_: Next, *, answered: bool = False
    ) -> AsyncIterator[AnyEvent | Fix]:
        """Drive a run that has no answer; yield its events, and last the answer; see `Agent`."""
        known = None if answered else await in_thread(answer_of, self.services, asked)
        if known is not None:
            yield await in_thread(fix_of, self.services, asked, known)
            return
        async with self._alone(asked.run):
            # Whoever drove it meanwhile may have ended it.
            known = None if answered else await in_thread(answer_of, self.services, asked)
            unfinished = None
            if known is None:
                graph = self.graph
                state, latest = await self._state(graph, asked)
                goes_on, given = await in_thread(next_, state)
                if goes_on:
                    options = self.run_options(asked, state, latest=latest)
                    async for event in graph.astream(given, **options):
                        yield event
                known = await in_thread(answer_of, self.services, asked)
            if known is None:
                unfinished, _ = await self._state(graph, asked)
                known = await in_thread(waiting_answer, self.services, asked, unfinished)
            yield await in_thread(fix_of, self.services, asked, known, unfinished)

    async def aexplain(self, run: str) -> Settled:
        """Return all that a run knows; errors are those of `Agent.explain`."""
        asked = await in_thread(reopen, self.services, run)
        known = await in_thread(answer_of, self.services, asked)
        if known is not None:
            return known
        state, _ = await self._state(self.graph, asked)
        return await in_thread(waiting_answer, self.services, asked, state)

    async def _state(self, graph: Graph, asked: Question) -> tuple[StateSnapshot, bool]:
        """Return the run's latest state, and whether it is its thread's latest."""
        steps = (await in_thread(self.services.trail.read, asked.run)).steps
        latest = await graph.aget_state(asked.config)
        if not steps or head_of([latest], asked.run, steps[-1:]) is not None:
            return latest, True
        states = [state async for state in graph.aget_state_history(asked.config)]
        found = head_of(states, asked.run, steps)
        if found is None:
            return await in_thread(begun_anew, self.services, asked.run, latest), True
        return found, False

    @asynccontextmanager
    async def _alone(self, run: str) -> AsyncIterator[None]:
        """Drive a run alone; whoever comes second waits, and keeps no thread meanwhile."""
        began = time.monotonic()
        locks = self.services.run_locks
        while not await in_thread(locks.take, run):
            self.still_busy(run, began)
            await asyncio.sleep(ASK_AGAIN_S)
        try:
            yield
        finally:
            locks.let_go(run)


@asynccontextmanager
async def aopen_agent(
    settings: Settings | None = None,
    *,
    encoder: Encoder | None = None,
    model: BaseChatModel | str | None = None,
    progress: Callable[[str], None] | None = None,
    durability: Durability = "sync",
    engine: Engine | None = None,
    saver: Saver | None = None,
) -> AsyncIterator[AsyncAgent]:
    """Open geofix for several photos at once; arguments and errors are those of `open_agent`.

    A `saver` has to be one for asyncio. The `engine` is a synchronous one all the same.
    """
    services = Services(settings, encoder=encoder, model=model, progress=progress, engine=engine)
    try:
        async with async_opened_savers(services, saver) as savers:
            yield AsyncAgent(services, savers, durability)
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
