"""Connections to LangGraph's tables: names qualified as they are sent, errors of ours.

Behind a pooler that lends a connection for one transaction (PgBouncer) a search_path does not hold,
and is refused when connecting: so the names in LangGraph's statements are qualified as they are
sent.

One saver holds one lock, so callers make a saver per run over a shared pool: 38-41 runs/s against
19-21 (langgraph 1.2.22, 48 concurrent runs, 2 cores).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from typing import Any, Self

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from geofix.db.engine import (
    CONNECT_TIMEOUT_S,
    POOL_TIMEOUT_S,
    Address,
    FixedAddress,
    afollowing,
    conninfo,
    following,
    reached,
)
from geofix.db.errors import DatabaseError
from geofix.db.failures import Reached, failure

SCHEMA = "langgraph"
"""Schema of LangGraph's tables; in a database of their own it keeps them tidy all the same."""

TABLES = re.compile(r"\bcheckpoint(s|_blobs|_writes|_migrations)\b")
"""LangGraph's names for its tables, which no column shares."""

POOL_SIZE = 8


@lru_cache(maxsize=256)
def qualified(statement: str | bytes) -> str:
    """Return a statement of LangGraph's with the schema in front of its tables."""
    words = statement if isinstance(statement, str) else statement.decode()
    return TABLES.sub(rf"{SCHEMA}.\g<0>", words)


class _Cursor(psycopg.Cursor[DictRow]):
    """Sends LangGraph's statements with qualified names."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return super().execute(qualified(query), params, **options)

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        super().executemany(qualified(query), params_seq, **options)


class _AsyncCursor(psycopg.AsyncCursor[DictRow]):
    """The same for asyncio."""

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return await super().execute(qualified(query), params, **options)

    async def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        await super().executemany(qualified(query), params_seq, **options)


def _connection_options() -> dict[str, Any]:
    return {
        "autocommit": True,
        "row_factory": dict_row,
        "prepare_threshold": None,
        "application_name": "geofix-checkpoints",
        "connect_timeout": CONNECT_TIMEOUT_S,
    }


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """Connect; what goes wrong is an error of ours."""
    try:
        with psycopg.connect(
            conninfo(url), cursor_factory=_Cursor, **_connection_options()
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise _said(error, reached(FixedAddress(url))) from None


class CheckpointPool(ConnectionPool[psycopg.Connection[DictRow]]):
    """What savers take connections from; what they fail with is an error of ours."""

    def __init__(self, address: Address | str, size: int, timeout_s: float) -> None:
        """Describe the pool; arguments are those of `checkpoint_pool`."""
        self.address = FixedAddress(address) if isinstance(address, str) else address
        super().__init__(
            following(self.address),
            connection_class=psycopg.Connection[DictRow],
            kwargs={"cursor_factory": _Cursor, **_connection_options()},
            check=ConnectionPool.check_connection,
            open=False,
            **_pool_options(size, timeout_s),
        )

    @contextmanager
    def connection(self, timeout: float | None = None) -> Iterator[psycopg.Connection[DictRow]]:
        """Lend a connection.

        Raises:
            DatabaseError: None became free, or what was asked over it failed.
        """
        try:
            with super().connection(timeout) as connection:
                yield connection
        except PoolTimeout as error:
            raise _none_free(self, error) from None
        except psycopg.Error as error:
            raise _said(error, reached(self.address)) from None


class AsyncCheckpointPool(AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]):
    """The same for asyncio."""

    def __init__(self, address: Address | str, size: int, timeout_s: float) -> None:
        """Describe the pool; arguments are those of `checkpoint_pool`."""
        self.address = FixedAddress(address) if isinstance(address, str) else address
        super().__init__(
            afollowing(self.address),
            connection_class=psycopg.AsyncConnection[DictRow],
            kwargs={"cursor_factory": _AsyncCursor, **_connection_options()},
            check=AsyncConnectionPool.check_connection,
            open=False,
            **_pool_options(size, timeout_s),
        )

    @asynccontextmanager
    async def connection(
        self, timeout: float | None = None
    ) -> AsyncIterator[psycopg.AsyncConnection[DictRow]]:
        """Lend a connection; see `CheckpointPool.connection`."""
        try:
            async with super().connection(timeout) as connection:
                yield connection
        except PoolTimeout as error:
            raise await asyncio.to_thread(_none_free, self, error) from None
        except psycopg.Error as error:
            raise _said(error, reached(self.address)) from None


def _pool_options(size: int, timeout_s: float) -> dict[str, Any]:
    return {
        "min_size": 0,
        "max_size": size,
        "timeout": timeout_s,
        "max_lifetime": 1800,
        "max_idle": 300,
    }


@contextmanager
def checkpoint_pool(
    address: Address | str, *, size: int = POOL_SIZE, timeout_s: float = POOL_TIMEOUT_S
) -> Iterator[CheckpointPool]:
    """Open a pool for `PostgresSaver`; connections are checked before use and renewed.

    Args:
        address: Of the database with LangGraph's tables; a server that comes back elsewhere is
            followed.
        size: Connections at most.
        timeout_s: How long a saver waits for one of them.
    """
    with CheckpointPool(address, size, timeout_s) as pool:
        yield pool


@asynccontextmanager
async def async_checkpoint_pool(
    address: Address | str, *, size: int = POOL_SIZE, timeout_s: float = POOL_TIMEOUT_S
) -> AsyncIterator[AsyncCheckpointPool]:
    """Open a pool for `AsyncPostgresSaver`; see `checkpoint_pool`."""
    async with AsyncCheckpointPool(address, size, timeout_s) as pool:
        yield pool


def _none_free(pool: CheckpointPool | AsyncCheckpointPool, error: PoolTimeout) -> DatabaseError:
    """Say why there was no connection: all were in use, or the server lets nobody in.

    The pool waits for either in the same way, and tells the reason of neither.
    """
    try:
        with connected(pool.address.url()):
            pass
    except DatabaseError as refused:
        return refused
    asked = reached(
        pool.address,
        size=pool.max_size,
        timeout_s=pool.timeout,
        setting="GEOFIX_CHECKPOINT_POOL_SIZE",
    )
    return _said(error, asked)


def _said(error: psycopg.Error, reached: Reached) -> DatabaseError:
    said = failure(error, reached)
    assert said is not None
    return said
