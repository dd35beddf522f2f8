"""LangGraph's checkpoints in Postgres, separate from geofix's own tables.

On the embedded server they have their own database, elsewhere their own schema. LangGraph's
`setup()` runs `CREATE INDEX CONCURRENTLY`, which waits for every older transaction of its database
(858 s behind an index build, DESIGN.md section 3), and Alembic would otherwise drop its tables.

A pooler that lends a connection for one transaction (PgBouncer) refuses a search_path at connection
time and would not keep one. So the table names in LangGraph's statements are qualified when they
are sent.

One saver holds one lock, so every run has its own saver over a shared pool: 38-41 runs/s against
19-21 (langgraph 1.2.22, 48 concurrent runs, 2 cores).
"""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Self

import ormsgpack
import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import EXT_PYDANTIC_V2, JsonPlusSerializer
from psycopg import IsolationLevel
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from geofix.db.engine import (
    CONNECT_TIMEOUT_S,
    POOL_TIMEOUT_S,
    DatabaseAddress,
    FixedAddress,
    async_conninfo_source,
    conninfo,
    conninfo_source,
    reached_through,
)
from geofix.db.errors import DatabaseError
from geofix.db.failures import Reached, failure
from geofix.db.plain_text import redact

SCHEMA = "langgraph"
"""Schema of LangGraph's tables; in a database of their own it keeps them tidy all the same."""

LANGGRAPH_TABLES = re.compile(r"\bcheckpoint(s|_blobs|_writes|_migrations)\b")
"""LangGraph's names for its tables, which no column shares."""

CHECKPOINT_POOL_SIZE = 8

NON_STR_KEYS = ormsgpack.OPT_NON_STR_KEYS
"""Option that LangGraph uses to read and write."""


@lru_cache(maxsize=256)
def qualified(statement: str | bytes) -> str:
    """Return a statement of LangGraph's with the schema in front of its tables."""
    words = statement if isinstance(statement, str) else statement.decode()
    return LANGGRAPH_TABLES.sub(rf"{SCHEMA}.\g<0>", words)


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
def checkpoint_connection(url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """Connect to LangGraph's tables; failures are raised as `DatabaseError`."""
    try:
        with psycopg.connect(
            conninfo(url), cursor_factory=_Cursor, **_connection_options()
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise _said(error, reached_through(FixedAddress(url))) from None


class CheckpointPool(ConnectionPool[psycopg.Connection[DictRow]]):
    """The pool of savers; failures are raised as `DatabaseError`."""

    def __init__(self, address: DatabaseAddress | str, size: int, timeout_s: float) -> None:
        """Describe the pool; arguments are those of `checkpoint_pool`."""
        self.address = FixedAddress(address) if isinstance(address, str) else address
        super().__init__(
            conninfo_source(self.address),
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
            raise _said(error, reached_through(self.address)) from None


class AsyncCheckpointPool(AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]):
    """The same for asyncio."""

    def __init__(self, address: DatabaseAddress | str, size: int, timeout_s: float) -> None:
        """Describe the pool; arguments are those of `checkpoint_pool`."""
        self.address = FixedAddress(address) if isinstance(address, str) else address
        super().__init__(
            async_conninfo_source(self.address),
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
            raise _said(error, reached_through(self.address)) from None


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
    address: DatabaseAddress | str,
    *,
    size: int = CHECKPOINT_POOL_SIZE,
    timeout_s: float = POOL_TIMEOUT_S,
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
    address: DatabaseAddress | str,
    *,
    size: int = CHECKPOINT_POOL_SIZE,
    timeout_s: float = POOL_TIMEOUT_S,
) -> AsyncIterator[AsyncCheckpointPool]:
    """Open a pool for `AsyncPostgresSaver`; see `checkpoint_pool`."""
    async with AsyncCheckpointPool(address, size, timeout_s) as pool:
        yield pool


def _none_free(pool: CheckpointPool | AsyncCheckpointPool, error: PoolTimeout) -> DatabaseError:
    """Say why there was no connection: all were in use, or the server lets nobody in.

    The pool waits for either in the same way, and tells the reason of neither.
    """
    try:
        with checkpoint_connection(pool.address.url()):
            pass
    except DatabaseError as refused:
        return refused
    asked = reached_through(
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


SET_UP_LOCK = 0x6765_6F66_697B
"""Key of the advisory lock under which one process sets up at a time ('geofi{' in ASCII)."""

LONGEST_SET_UP_S = 120


def set_up_checkpoints(url: str) -> None:
    """Create LangGraph's tables if they are missing.

    Raises:
        DatabaseError: The server cannot be reached or refuses.
    """
    with _set_up_alone(url), checkpoint_connection(url) as connection:
        connection.execute(f"create schema if not exists {SCHEMA}")
        _remove_half_made(connection)
        PostgresSaver(connection).setup()


def require_checkpoints(url: str) -> None:
    """Raise an error if LangGraph's tables are missing.

    Raises:
        DatabaseError: They are missing, or the server cannot be reached.
    """
    with checkpoint_connection(url) as connection:
        complete = _are_complete(connection)
    if not complete:
        raise DatabaseError(
            f"the database at {redact(url)!r} does not have LangGraph's tables in the form that"
            " this version needs; run `geofix db upgrade`"
        )


def _are_complete(connection: psycopg.Connection[DictRow]) -> bool:
    """Say whether the setup came to its end: its last step is the last it wrote down."""
    there = connection.execute("select to_regclass('checkpoint_migrations') as name").fetchone()
    if there is None or there["name"] is None:
        return False
    row = connection.execute("select max(v) as newest from checkpoint_migrations").fetchone()
    newest = None if row is None else row["newest"]
    return newest is not None and int(newest) >= len(PostgresSaver.MIGRATIONS) - 1


def _remove_half_made(connection: psycopg.Connection[DictRow]) -> None:
    """Drop the indexes that a killed setup left: `if not exists` would take them for made."""
    rows = connection.execute(
        "select indexrelid::regclass::text as name from pg_index"
        " join pg_class on pg_class.oid = indexrelid"
        " where not indisvalid and relnamespace = %s::regnamespace"
        " and relname ~ '^checkpoint.*_thread_id_idx$'",
        (SCHEMA,),
    )
    for row in rows.fetchall():
        connection.execute(f"drop index concurrently if exists {row['name']}".encode())


@contextmanager
def _set_up_alone(url: str) -> Iterator[None]:
    """Let one process at a time make the tables.

    The lock is a transaction's, over a connection of its own: a session's would stay with a
    pooler. Each attempt is a transaction of its own, because `CREATE INDEX CONCURRENTLY` waits for
    the end of every transaction that it once saw in a statement, and so both would wait for ever.
    A transaction that only holds a lock is in no statement.
    """
    give_up_at = time.monotonic() + LONGEST_SET_UP_S
    with checkpoint_connection(url) as connection:
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        while time.monotonic() < give_up_at:
            with connection.transaction():
                connection.execute("set local idle_in_transaction_session_timeout = 0")
                if _locked(connection):
                    yield
                    return
            time.sleep(0.02)
    raise DatabaseError(
        f"another process has been creating LangGraph's tables for more than {LONGEST_SET_UP_S} s;"
        " stop it and run `geofix db upgrade` again"
    )


def _locked(connection: psycopg.Connection[DictRow]) -> bool:
    # Without a parameter: a statement with one keeps its portal, and so its snapshot, open.
    row = connection.execute(
        f"select pg_try_advisory_xact_lock({SET_UP_LOCK}) as locked"
    ).fetchone()
    return row is not None and bool(row["locked"])


COMPRESSED = "+zlib"
"""Ends the type of a value that is stored compressed."""

WORTH_COMPRESSING = 256
"""Bytes below which a value is stored as it is."""


class CompactSerializer(JsonPlusSerializer):
    """Stores larger values compressed: lists of alike objects take a quarter of the size so.

    Postgres would compress most of them too, but only on its disk, not on the way there.
    """

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return a value as bytes, with the type that says how to read them."""
        kind, data = super().dumps_typed(obj)
        if len(data) < WORTH_COMPRESSING:
            return kind, data
        return f"{kind}{COMPRESSED}", zlib.compress(data)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value; those of earlier versions were stored as they are."""
        kind, stored = data
        if kind.endswith(COMPRESSED):
            return super().loads_typed((kind.removesuffix(COMPRESSED), zlib.decompress(stored)))
        return super().loads_typed(data)


def strict_serializer(
    persisted: Iterable[type], moved: Mapping[tuple[str, str], type] = MappingProxyType({})
) -> JsonPlusSerializer:
    """Return a serializer that loads only the classes in `persisted` and LangGraph's own.

    This is `LANGGRAPH_STRICT_MSGPACK=true`, independent of when langgraph was first imported.

    Args:
        persisted: The allowed classes, with their current names.
        moved: Classes by the module and name that they had in older checkpoints.
    """
    allowed = [(cls.__module__, cls.__name__) for cls in persisted]
    today = JsonPlusSerializer(allowed_msgpack_modules=allowed)
    read = today._unpack_ext_hook

    def revived(code: int, data: bytes) -> Any:
        if code == EXT_PYDANTIC_V2:
            module, name, *rest = ormsgpack.unpackb(data, ext_hook=read, option=NON_STR_KEYS)
            if (now := moved.get((module, name))) is not None:
                _, data = today.dumps_typed((now.__module__, now.__name__, *rest))
        return read(code, data)

    return CompactSerializer(allowed_msgpack_modules=allowed, __unpack_ext_hook__=revived)
