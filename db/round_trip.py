"""Statements that go ahead of another one in its round trip; pooled connections asked if they live.

Until the pipeline ends they are one transaction, also over a connection that commits by itself:
settings that are local hold for the statement they go ahead of, and no BEGIN or ROLLBACK has to
travel.

The limit to how long a statement may take goes ahead of the first statement of each transaction. It
is not set when connecting, since a pooler (PgBouncer) refuses that, and not for a session, since
behind a pooler the next transaction may go over another one's.

Asking is a round trip, and a search has few others: it takes those used a moment ago as they are,
and asks again over another where one was dead.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic
from typing import Any

from psycopg import Cursor, Error
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Dialect, Engine, event, exc
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql import ClauseElement

AHEAD, ONCE = "geofix_ahead", "geofix_once"
"""Execution options: of a statement what goes ahead of it, of a connection what goes ahead of
whatever is executed first."""

LIMIT_MS = "geofix_limit_ms"
"""Execution option: how long a statement may take; none leaves the session's own limit."""
CITUS_SETTINGS = (("citus.propagate_set_commands", "local"),)
"""What has settings that are local to a transaction hold on Citus's workers too."""

PSYCOPG: Dialect = psycopg.dialect()  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class Ahead:
    """A statement that goes ahead of another one."""

    statement: ClauseElement
    """Built once: it is written as SQL once."""
    parameters: Mapping[str, object]
    rows: list[tuple[Any, ...]] | None = field(default=None, init=False)
    """What it selected; none as long as it was not sent."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Settings as literal statements, in a transaction around the statement they are for.

    Citus hands its workers these and nothing that `set_config` sets.
    """

    settings: tuple[tuple[str, str], ...]

    def statements(self) -> list[bytes]:
        """Return what goes ahead of the statement; a commit comes after it."""
        return [
            b"begin",
            *(
                f"set local {name} = '{value}'".encode()
                for name, value in CITUS_SETTINGS + self.settings
            ),
        ]


def send_first(connection: Connection, ahead: Ahead) -> None:
    """Have a statement go ahead of whatever a connection executes next."""
    connection.execution_options(**{ONCE: ahead})


def without_transaction(connection: Connection) -> Connection:
    """Have a connection that was just opened commit each statement, which saves two trips."""
    return connection.execution_options(isolation_level="AUTOCOMMIT")


def send_in_one_trip(
    cursor: Cursor[Any], statement: str, parameters: Any, context: Any
) -> bool | None:
    """Execute with what goes ahead; true if this was done, none if SQLAlchemy is to do it."""
    options = context.execution_options
    ahead = [
        one
        for one in (options.get(ONCE), options.get(AHEAD))
        if isinstance(one, Transaction) or (one is not None and one.rows is None)
    ]
    limit = _limit(cursor, options)
    if not ahead and limit is None:
        return None
    driver = cursor.connection
    if limit is not None and not ahead and not parameters and ";" in statement:
        # A pipeline takes one statement at a time, and this may be several.
        driver.execute(limit)
        return None
    sent = []
    with driver.pipeline():
        if limit is not None:
            # It holds in a `Transaction` too, whose BEGIN goes on with the one that is open.
            driver.execute(limit)
        for one in ahead:
            if isinstance(one, Transaction):
                for literal in one.statements():
                    driver.execute(literal)
            else:
                sent.append((one, driver.execute(*compiled(one))))
        cursor.execute(statement, parameters)
        if any(isinstance(one, Transaction) for one in ahead):
            driver.execute(b"commit")
    for one, answered in sent:
        one.rows = answered.fetchall()
    return True


def send_limit_first(cursor: Cursor[Any], statement: str, parameters: Any, context: Any) -> None:
    """Set the limit ahead of a statement that is executed many times."""
    limit = _limit(cursor, context.execution_options)
    if limit is not None:
        cursor.connection.execute(limit)


def _limit(cursor: Cursor[Any], options: Mapping[str, Any]) -> bytes | None:
    """Return what sets the limit, where a transaction is about to begin."""
    limit_ms = options.get(LIMIT_MS)
    if limit_ms is None or cursor.connection.info.transaction_status != TransactionStatus.IDLE:
        return None
    return b"select set_config('statement_timeout', '%d', true)" % limit_ms


def compiled(ahead: Ahead) -> tuple[bytes, dict[str, object]]:
    """Return a statement and its parameters as the driver takes them."""
    sql, constants = _written(ahead.statement)
    return sql, {**constants, **ahead.parameters}


@lru_cache(maxsize=64)
def _written(statement: ClauseElement) -> tuple[bytes, dict[str, object]]:
    compiled = statement.compile(dialect=PSYCOPG)
    return str(compiled).encode(), dict(compiled.params)


IDLE_S = 1.0
"""After so long a search asks as well."""

RETURNED = "geofix_returned"

_trusting = ContextVar("_trusting", default=False)


def check_idle_connections(engine: Engine) -> None:
    """Have the pool of an engine replace connections that died while they lay there."""

    def returned(connection: object, record: ConnectionPoolEntry) -> None:
        record.info[RETURNED] = monotonic()

    def taken(connection: Any, record: ConnectionPoolEntry, proxy: object) -> None:
        since = record.info.get(RETURNED)
        if since is None or (_trusting.get() and monotonic() - since < IDLE_S):
            return
        try:
            engine.dialect.do_ping(connection)
        except Error as error:
            # As with SQLAlchemy's own ping, those that lie beside it are replaced too.
            raise exc.InvalidatePoolError(str(error)) from error

    event.listen(engine, "checkin", returned)
    event.listen(engine, "checkout", taken)


def connect_unchecked(engine: Engine) -> Connection:
    """Connect to read; who does asks again where the connection turns out to be dead."""
    token = _trusting.set(True)
    try:
        return engine.connect()
    finally:
        _trusting.reset(token)


def was_dead(error: Exception) -> bool:
    """Say whether an error means that the connection was dead."""
    return isinstance(error, exc.DBAPIError) and error.connection_invalidated
