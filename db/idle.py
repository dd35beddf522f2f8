"""Connections that lay in a pool are asked whether they live before they are used.

Asking is a round trip, and a search has few others: it takes those used a moment ago as they are,
and asks again over another where one was dead.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import monotonic
from typing import Any

from psycopg import Error
from sqlalchemy import Connection, Engine, event, exc
from sqlalchemy.pool import ConnectionPoolEntry

IDLE_S = 1.0
"""After so long a search asks as well."""

RETURNED = "geofix_returned"

_trusting = ContextVar("_trusting", default=False)


def asks_the_idle(engine: Engine) -> None:
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


def connect_unasked(engine: Engine) -> Connection:
    """Connect to read; who does asks again where the connection turns out to be dead."""
    token = _trusting.set(True)
    try:
        return engine.connect()
    finally:
        _trusting.reset(token)


def was_dead(error: Exception) -> bool:
    """Say whether an error means that the connection was dead."""
    return isinstance(error, exc.DBAPIError) and error.connection_invalidated
