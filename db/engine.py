"""One URL in, one SQLAlchemy engine out; and every failure to connect said plainly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, Error, ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, create_engine, event
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import QueuePool

from geofix.db.errors import DatabaseError
from geofix.db.failures import Reached, failure
from geofix.db.halves import sends_halves
from geofix.db.idle import asks_the_idle
from geofix.db.round_trip import LIMIT_MS, send_in_one_trip, send_limit_first

STATEMENT_TIMEOUT_MS = 120_000
"""No search may hang for ever; loads and index builds set their own limit."""

CONNECT_TIMEOUT_S = 10

POOL_SIZE = 16
"""Connections of one process: as many searches go on at once."""

POOL_TIMEOUT_S = 30.0


def parse_url(url: str) -> URL:
    """Return `url` parsed, as a psycopg 3 URL.

    Args:
        url: As libpq and SQLAlchemy write it: `postgresql://user:password@host:port/database`.

    Raises:
        DatabaseError: It is no URL, or not one of a Postgres server.
    """
    try:
        parsed = make_url(url)
    except (sa_exc.ArgumentError, ValueError):
        # Without its cause: "invalid literal for int(): ..." would quote a part of the password.
        raise DatabaseError(
            f"the database URL {redact(url)!r} cannot be read; write it as"
            " 'postgresql://user:password@host:5432/database', and in the password '%40' for '@'"
        ) from None
    if "@" in (parsed.host or ""):
        # Half of the password would be looked up as a host name, and shown when that fails.
        raise DatabaseError(
            f"the database URL {redact(url)!r} holds more than one '@'; write '%40' for each '@' in"
            " the user name and the password"
        )
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise DatabaseError(
            f"the database URL {redact(url)!r} is not a Postgres URL; geofix needs Postgres with"
            " pgvector: 'postgresql://user:password@host:5432/database'"
        )
    return parsed.set(drivername="postgresql+psycopg")


def redact(url: str) -> str:
    """Return `url` fit for an error message: without its password, whatever its shape."""
    shown = re.sub(r"(password\s*=\s*)('[^']*'|[^&\s]*)", r"\1***", url, flags=re.IGNORECASE)
    scheme = re.match(r"[\w+.-]+://", shown)
    start = scheme.group() if scheme else ""
    login, at, tail = shown[len(start) :].rpartition("@")
    if at:
        user, colon, _ = login.partition(":")
        return f"{start}{user}:***@{tail}" if colon else shown
    # No host follows the password: what looks like a port but is no number may be it.
    host, _, port = tail.partition(":")
    may_be_password = not host.startswith("[") and not re.match(r"\d*([/?]|$)", port)
    return f"{start}{host}:***" if may_be_password else shown


def conninfo(url: str) -> str:
    """Return `url` as libpq and psycopg take it: as words, for it refuses spaces in a URL.

    Raises:
        DatabaseError: As `parse_url`, or an option in it is unknown to libpq.
    """
    parsed = parse_url(url)
    options = {
        name: value if isinstance(value, str) else ",".join(value)
        for name, value in parsed.query.items()
    }
    login = parsed.translate_connect_args(username="user", database="dbname")
    try:
        return make_conninfo(**{**options, **login})
    except ProgrammingError as error:
        raise DatabaseError(f"the database URL {redact(url)!r} is not usable: {error}") from error


def open_engine(
    url: str,
    *,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    pool_size: int = POOL_SIZE,
    pool_timeout_s: float = POOL_TIMEOUT_S,
) -> Engine:
    """Return an engine for `url`; nothing is connected yet.

    A pooler that lends a connection for one transaction (PgBouncer) may stand in between: nothing
    is asked of it when connecting, prepared statements are off, and what is set is set for a
    transaction, the limit to its statements with the first of them.

    Args:
        url: As `parse_url`; its own `options` stay in force.
        statement_timeout_ms: How long one statement may take.
        pool_size: Connections at most.
        pool_timeout_s: How long to wait for one of them.
    """
    engine = create_engine(
        parse_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_recycle=1800,
        # Of a photo that is kept, the bytes are a parameter.
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "prepare_threshold": None,
            "application_name": "geofix",
        },
        execution_options={LIMIT_MS: statement_timeout_ms},
    )
    event.listen(engine, "connect", _prepared)
    event.listen(engine, "do_execute", send_in_one_trip)
    event.listen(engine, "do_executemany", send_limit_first)
    asks_the_idle(engine)
    return engine


def _prepared(connection: Connection[Any], record: object) -> None:
    sends_halves(connection)


@contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Turn what the server, the way to it or the pool fails with into `DatabaseError`.

    Around whatever is asked through `engine`, COPY over the driver's own connection included.
    """
    try:
        yield
    except (sa_exc.SQLAlchemyError, Error) as error:
        url = engine.url.set(drivername="postgresql")
        size, timeout_s = pool_of(engine)
        reached = Reached(
            redact(url.render_as_string(hide_password=False)), engine.url.username, size, timeout_s
        )
        said = failure(error, reached)
        if said is None:
            raise
        raise said from None


def pool_of(engine: Engine) -> tuple[int, float]:
    """Return how many connections an engine has at most, and how many seconds it waits for one."""
    pool = engine.pool
    assert isinstance(pool, QueuePool)
    return pool.size(), pool.timeout()
