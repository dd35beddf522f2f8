"""What `langgraph.json` names: the graph and its saver, on services of their own.

Apart from `geofix.agent.graph`, so that whoever builds a graph does not compile this one as well.
"""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from geofix.agent.checkpointer import serializer
from geofix.agent.graph import build_graph
from geofix.agent.run.recording import in_thread
from geofix.agent.savers import AsyncRunSaver
from geofix.agent.services import Services
from geofix.tools.once import once


@once
def _services() -> Services:
    services = Services()
    # Nobody else closes them: without it the embedded server would outlive its last user.
    atexit.register(services.close)
    return services


# Without a checkpointer: `langgraph dev` refuses a graph that brings its own.
graph = build_graph(_services).compile(name="geofix")


@asynccontextmanager
async def checkpointer() -> AsyncIterator[AsyncPostgresSaver]:
    """Open the saver for as long as the server runs; the database is set up if it is ours."""
    with Services() as services:
        await in_thread(services.open_for_runs)
        async with services.async_checkpoint_pool() as pool:
            yield AsyncRunSaver(pool, serde=serializer())
