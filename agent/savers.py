"""LangGraph's savers: one a run over a pool of ours, or the caller's own."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from pydantic import BaseModel

from geofix.agent.checkpointer import PERSISTED, serializer
from geofix.agent.errors import SettingError
from geofix.agent.graph import Graph
from geofix.agent.run.recording import in_thread
from geofix.agent.services import Services


class _ShortVersions:
    """Numbers the values of channels in 17 characters; LangGraph's own take 49.

    A checkpoint names the version of every channel, and what each node has seen of them: more than
    half of what a run stores. Versions count up, and are compared as text; LangGraph's begin with
    more zeros, so that a run begun under them goes on. The second part tells forks apart, which
    count on from the same version.
    """

    def get_next_version(self, current: str | int | None, channel: None) -> str:
        """Return the version after one."""
        number = 0 if current is None else int(str(current).partition(".")[0])
        return f"{number + 1:08}.{random.getrandbits(32):08x}"


class RunSaver(_ShortVersions, PostgresSaver):
    """The saver of runs."""


class AsyncRunSaver(_ShortVersions, AsyncPostgresSaver):
    """The same for asyncio."""


Saver = BaseCheckpointSaver[Any]
Savers = Callable[[], Saver]
"""Gives a saver for a run."""


def with_saver(compiled: Graph, saver: Saver) -> Graph:
    """Return a copy of a compiled graph with another checkpoint saver."""
    # Not `compiled.copy(update=...)`: that one forgets how answers become an `Answered` (langgraph
    # 1.2.22, `_output_mapper`).
    graph = copy(compiled)
    graph.checkpointer = saver
    return graph


@contextmanager
def opened_savers(services: Services, theirs: Saver | None) -> Iterator[Savers]:
    """Open what keeps checkpoints, and the database.

    Args:
        services: Lead to the database.
        theirs: The caller's own saver; LangGraph's tables are not needed then.

    Raises:
        SettingError: The caller's saver would lose classes of ours.
        DatabaseError: The database cannot be used.
    """
    if theirs is not None:
        require_ours(theirs)
        services.open_for_runs(checkpoints=False)
        yield lambda: theirs
        return
    # Before the pool: it sets the embedded database up, checkpoints included.
    services.open_for_runs()
    serde = serializer()
    with services.checkpoint_pool() as pool:
        yield lambda: RunSaver(pool, serde=serde)


@asynccontextmanager
async def async_opened_savers(services: Services, theirs: Saver | None) -> AsyncIterator[Savers]:
    """The same for asyncio."""
    if theirs is not None:
        require_ours(theirs)
        await in_thread(services.open_for_runs, checkpoints=False)
        yield lambda: theirs
        return
    # In a thread, since the embedded server may have to be started.
    await in_thread(services.open_for_runs)
    serde = serializer()
    async with services.async_checkpoint_pool() as pool:
        yield lambda: AsyncRunSaver(pool, serde=serde)


def require_ours(saver: Saver) -> None:
    """Raise an error if a saver would not give back what it was given of ours.

    Raises:
        SettingError: Its serializer does not load a class of ours.
    """
    classes: tuple[type[BaseModel], ...] = PERSISTED
    for cls in classes:
        # As LangGraph does: an object by its class and fields. Which fields, does not matter here.
        written = saver.serde.dumps_typed(cls.model_construct())
        if not isinstance(saver.serde.loads_typed(written), cls):
            raise SettingError(
                f"the checkpointer {type(saver).__name__} would lose geofix's state: its serializer"
                f" does not load {cls.__module__}.{cls.__name__}; make the checkpointer with"
                " serde=geofix.langgraph.serializer(), or add geofix.langgraph.PERSISTED to its"
                " allowed_msgpack_modules"
            )
