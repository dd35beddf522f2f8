"""LangGraph's checkpoints in Postgres, apart from our own tables.

Where the server is ours they have a database of their own, else a schema of their own: LangGraph's
`setup()` runs `CREATE INDEX CONCURRENTLY`, which waits for every older transaction of its database
(858 s behind an index build, DESIGN.md section 3), and Alembic would otherwise drop its tables.

One saver holds one lock, so callers make a saver per run over a shared pool: 38-41 runs/s against
19-21 (langgraph 1.2.22, 48 concurrent runs, 2 cores).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from geofix.db.engine import Address, afollowing, conninfo, following, said_of
from geofix.db.errors import DatabaseError
from geofix.db.redaction import redact

SCHEMA = "langgraph"
"""Schema of LangGraph's tables; in a database of their own it keeps them tidy all the same."""

POOL_SIZE = 8

SET_UP_LOCK = 0x6765_6F66_697A
"""Key of the advisory lock under which one process sets up at a time ('geofiz' in ASCII)."""

LONGEST_SET_UP_S = 120


def _connection_options() -> dict[str, Any]:
    return {
        "autocommit": True,
        "row_factory": dict_row,
        "prepare_threshold": None,
        "options": f"-c search_path={SCHEMA}",
        "application_name": "geofix-checkpoints",
        "connect_timeout": 10,
    }


def set_up_checkpoints(url: str) -> None:
    """Make LangGraph's tables; does nothing where they are there.

    Raises:
        DatabaseError: The server cannot be reached or refuses.
    """
    try:
        with (
            psycopg.connect(conninfo(url), **_connection_options()) as connection,
            _set_up_alone(connection),
        ):
            connection.execute(f"create schema if not exists {SCHEMA}")
            _remove_half_made(connection)
            PostgresSaver(connection).setup()
    except psycopg.Error as error:
        reason = said_of(error, url)
        raise DatabaseError(
            f"cannot set up LangGraph's tables at {redact(url)!r}: {reason}"
        ) from error


def require_checkpoints(url: str) -> None:
    """Raise unless LangGraph's tables are there.

    Raises:
        DatabaseError: They are not, or the server cannot be reached.
    """
    try:
        with psycopg.connect(conninfo(url), **_connection_options()) as connection:
            complete = _are_complete(connection)
    except psycopg.Error as error:
        reason = said_of(error, url)
        raise DatabaseError(f"cannot reach the database at {redact(url)!r}: {reason}") from error
    if not complete:
        raise DatabaseError(
            f"the database at {redact(url)!r} lacks LangGraph's tables as this version needs them;"
            " run `geofix db upgrade`"
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
def _set_up_alone(connection: psycopg.Connection[DictRow]) -> Iterator[None]:
    """Let one process at a time make the tables; the lock ends with the connection.

    Asked for again and again, because `CREATE INDEX CONCURRENTLY` waits for whoever waits for a
    lock in a statement, and so both would wait for ever.
    """
    give_up_at = time.monotonic() + LONGEST_SET_UP_S
    while not _locked(connection):
        if time.monotonic() > give_up_at:
            raise DatabaseError(
                f"another process has set up LangGraph's tables for {LONGEST_SET_UP_S} s; end it"
                " and run `geofix db upgrade` again"
            )
        time.sleep(0.02)
    yield


def _locked(connection: psycopg.Connection[DictRow]) -> bool:
    row = connection.execute("select pg_try_advisory_lock(%s) as locked", (SET_UP_LOCK,)).fetchone()
    return row is not None and bool(row["locked"])


@contextmanager
def checkpoint_pool(
    address: Address | str,
) -> Iterator[ConnectionPool[psycopg.Connection[DictRow]]]:
    """Open a pool for `PostgresSaver`; connections are checked before use and renewed.

    They follow a server that comes back elsewhere.
    """
    with ConnectionPool(
        following(address),
        connection_class=psycopg.Connection[DictRow],
        kwargs=_connection_options(),
        min_size=0,
        max_size=POOL_SIZE,
        check=ConnectionPool.check_connection,
        max_lifetime=1800,
        max_idle=300,
        open=True,
    ) as pool:
        yield pool


@asynccontextmanager
async def async_checkpoint_pool(
    address: Address | str,
) -> AsyncIterator[AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]]:
    """Open a pool for `AsyncPostgresSaver`; see `checkpoint_pool`."""
    async with AsyncConnectionPool(
        afollowing(address),
        connection_class=psycopg.AsyncConnection[DictRow],
        kwargs=_connection_options(),
        min_size=0,
        max_size=POOL_SIZE,
        check=AsyncConnectionPool.check_connection,
        max_lifetime=1800,
        max_idle=300,
        open=False,
    ) as pool:
        yield pool


def strict_serializer(persisted: Iterable[type]) -> JsonPlusSerializer:
    """Return a serializer that revives the classes in `persisted` and LangGraph's own, no others.

    The same as `LANGGRAPH_STRICT_MSGPACK=true`, but it holds whoever imported langgraph first.
    """
    allowed = [(cls.__module__, cls.__name__) for cls in persisted]
    return JsonPlusSerializer(allowed_msgpack_modules=allowed)
