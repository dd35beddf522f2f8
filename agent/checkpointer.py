"""The saver `langgraph.json` names: `langgraph dev` keeps its state in our Postgres by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from geofix.agent.persisted import PERSISTED
from geofix.agent.services import Services
from geofix.agent.threads import in_thread
from geofix.db.checkpoints import strict_serializer


@asynccontextmanager
async def checkpointer() -> AsyncIterator[AsyncPostgresSaver]:
    """Open the saver for as long as the server runs; the database is set up if it is ours."""
    with Services() as services:
        await in_thread(lambda: services.engine)
        async with services.async_checkpoint_pool() as pool:
            yield AsyncPostgresSaver(pool, serde=strict_serializer(PERSISTED))
