"""The facade for asyncio: the same runs, on LangGraph's asynchronous saver.

The nodes are synchronous and run in threads of geofix's own (`geofix.agent.threads`), so one event
loop can serve many photos at once and keeps its own threads.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command

from geofix.agent.claims import Coordinates
from geofix.agent.facade import Graph, Listener, with_saver
from geofix.agent.graph import build_graph
from geofix.agent.persisted import PERSISTED
from geofix.agent.runs import Asked, answer, ask, config_of, picked, reopen
from geofix.agent.services import Services
from geofix.agent.settings import Settings
from geofix.agent.state import Fix, Query, Region
from geofix.agent.threads import in_thread
from geofix.db.checkpoint_pools import AsyncCheckpointPool
from geofix.db.checkpoints import strict_serializer
from geofix.tools.encoders import Encoder


class AsyncAgent:
    """An open geofix for asyncio; see `geofix.agent.facade.Agent` for what each method does."""

    def __init__(self, services: Services, pool: AsyncCheckpointPool) -> None:
        """Use `aopen_agent` instead; it opens and closes what this needs."""
        self.services = services
        self._pool = pool
        self._serializer = strict_serializer(PERSISTED)
        graph = build_graph(lambda: self.services, under_asyncio=True)
        self._compiled = graph.compile(name="geofix")

    @property
    def graph(self) -> Graph:
        """The compiled graph with its checkpoints; each has a saver of its own."""
        saver = AsyncPostgresSaver(self._pool, serde=self._serializer)
        return with_saver(self._compiled, saver)

    async def alocate(
        self,
        photo: Path | str | bytes,
        *,
        within: str | Region | None = None,
        claim: str | Coordinates | None = None,
        thread_id: str | None = None,
        on_event: Listener | None = None,
        **options: Any,
    ) -> Fix:
        """Locate one photo; arguments and errors are those of `Agent.locate`."""
        asked = await in_thread(ask, self.services, photo, within, thread_id, options, claim)
        graph = self.graph
        config = config_of(asked.run, asked.context)
        state = await graph.aget_state(config)
        if not state.created_at or state.tasks:
            await self._drive(graph, None if state.tasks else asked.query, asked, on_event)
        finished = await graph.aget_state(config)
        return await in_thread(answer, self.services, asked, finished)

    async def aresume(
        self, run: str, *, rank: int | None = None, on_event: Listener | None = None
    ) -> Fix:
        """Go on with a run; arguments and errors are those of `Agent.resume`."""
        asked = await in_thread(reopen, self.services, run)
        graph = self.graph
        config = config_of(run, asked.context)
        state = await graph.aget_state(config)
        if rank is not None or (state.tasks and not state.interrupts):
            await self._drive(graph, picked(state, rank), asked, on_event)
        finished = await graph.aget_state(config)
        return await in_thread(answer, self.services, asked, finished)

    async def _drive(
        self,
        graph: Graph,
        question: Query | Command[Any] | None,
        asked: Asked,
        on_event: Listener | None,
    ) -> None:
        async for event in graph.astream(
            question,
            config_of(asked.run, asked.context),
            context=asked.context,
            stream_mode="custom",
            durability="sync",
        ):
            if on_event is not None:
                on_event(event)


@asynccontextmanager
async def aopen_agent(
    settings: Settings | None = None,
    *,
    encoder: Encoder | None = None,
    model: BaseChatModel | str | None = None,
    progress: Callable[[str], None] | None = None,
) -> AsyncIterator[AsyncAgent]:
    """Open geofix for several photos at once; arguments are those of `open_agent`."""
    services = Services(settings, encoder=encoder, model=model, progress=progress)
    try:
        # In a thread, since the embedded server may have to be started.
        await in_thread(lambda: services.engine)
        async with services.async_checkpoint_pool() as pool:
            yield AsyncAgent(services, pool)
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
