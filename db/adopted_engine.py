"""An engine of the caller's: its connections serve geofix's statements as well as its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import QueuePool

from geofix.db.engine import ADDRESS, STATEMENT_TIMEOUT_MS, engine_address, prepare_connection
from geofix.db.errors import DatabaseError
from geofix.db.round_trip import LIMIT_MS, send_in_one_trip, send_limit_first


def adopt_engine(theirs: Engine) -> Engine:
    """Return an engine of ours over the connections of a caller's, which it never disposes of.

    Args:
        theirs: Over psycopg, with a pool of a fixed size.

    Raises:
        DatabaseError: It is over another driver, or pools otherwise.
    """
    if not isinstance(theirs, Engine) or theirs.dialect.driver != "psycopg":
        # A URL given by mistake is not shown: it can hold a password.
        given = theirs if isinstance(theirs, Engine) else type(theirs).__name__
        raise DatabaseError(
            f"the engine {given!r} cannot be used; make one with"
            " sqlalchemy.create_engine('postgresql+psycopg://...')"
        )
    if not isinstance(theirs.pool, QueuePool):
        raise DatabaseError(
            f"the engine {theirs!r} has a {type(theirs.pool).__name__}, and geofix shares out a"
            " fixed number of connections; make the engine with SQLAlchemy's own QueuePool"
        )
    options = {LIMIT_MS: STATEMENT_TIMEOUT_MS, ADDRESS: engine_address(theirs)}
    engine: Engine = theirs.execution_options(**options)
    # Those of a dialect see the caller's statements too; without our options they do nothing.
    event.listen(engine, "do_execute", send_in_one_trip)
    event.listen(engine, "do_executemany", send_limit_first)
    # Not `connect`: the pool may hold connections that were opened before.
    event.listen(engine, "engine_connect", _prepared)
    return engine


def _prepared(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    prepare_connection(driver)
