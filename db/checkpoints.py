"""LangGraph's checkpoints in Postgres, apart from our own tables.

Where the server is ours they have a database of their own, else a schema of their own: LangGraph's
`setup()` runs `CREATE INDEX CONCURRENTLY`, which waits for every older transaction of its database
(858 s behind an index build, DESIGN.md section 3), and Alembic would otherwise drop its tables.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import IsolationLevel
from psycopg.rows import DictRow

from geofix.db.checkpoint_pools import SCHEMA, connected
from geofix.db.errors import DatabaseError
from geofix.db.redaction import redact

SET_UP_LOCK = 0x6765_6F66_697B
"""Key of the advisory lock under which one process sets up at a time ('geofi{' in ASCII)."""

LONGEST_SET_UP_S = 120


def set_up_checkpoints(url: str) -> None:
    """Make LangGraph's tables; does nothing where they are there.

    Raises:
        DatabaseError: The server cannot be reached or refuses.
    """
    with _set_up_alone(url), connected(url) as connection:
        connection.execute(f"create schema if not exists {SCHEMA}")
        _remove_half_made(connection)
        PostgresSaver(connection).setup()


def require_checkpoints(url: str) -> None:
    """Raise unless LangGraph's tables are there.

    Raises:
        DatabaseError: They are not, or the server cannot be reached.
    """
    with connected(url) as connection:
        complete = _are_complete(connection)
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
def _set_up_alone(url: str) -> Iterator[None]:
    """Let one process at a time make the tables.

    The lock is a transaction's, over a connection of its own: a session's would stay with a
    pooler. Asked for again and again, because `CREATE INDEX CONCURRENTLY` waits for whoever waits
    for a lock in a statement, and so both would wait for ever; a transaction that only holds one
    has no snapshot that it would wait for.
    """
    give_up_at = time.monotonic() + LONGEST_SET_UP_S
    with connected(url) as connection:
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        with connection.transaction():
            connection.execute("set local idle_in_transaction_session_timeout = 0")
            while not _locked(connection):
                if time.monotonic() > give_up_at:
                    raise DatabaseError(
                        "another process has set up LangGraph's tables for"
                        f" {LONGEST_SET_UP_S} s; end it and run `geofix db upgrade` again"
                    )
                time.sleep(0.02)
            yield


def _locked(connection: psycopg.Connection[DictRow]) -> bool:
    # Without a parameter: a statement with one keeps its portal, and so its snapshot, open.
    row = connection.execute(
        f"select pg_try_advisory_xact_lock({SET_UP_LOCK}) as locked"
    ).fetchone()
    return row is not None and bool(row["locked"])


def strict_serializer(persisted: Iterable[type]) -> JsonPlusSerializer:
    """Return a serializer that revives the classes in `persisted` and LangGraph's own, no others.

    The same as `LANGGRAPH_STRICT_MSGPACK=true`, but it holds whoever imported langgraph first.
    """
    allowed = [(cls.__module__, cls.__name__) for cls in persisted]
    return JsonPlusSerializer(allowed_msgpack_modules=allowed)
