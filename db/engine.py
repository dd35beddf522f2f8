"""One URL in, one SQLAlchemy engine out; and every failure to connect said plainly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, create_engine
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, make_url

from geofix.db.errors import DatabaseError

STATEMENT_TIMEOUT_MS = 120_000
"""No search may hang for ever; loads and index builds set their own limit."""

CONNECT_TIMEOUT_S = 10


def parse_url(url: str) -> URL:
    """Return `url` parsed, as a psycopg 3 URL.

    Args:
        url: As libpq and SQLAlchemy write it: `postgresql://user:password@host:port/database`.

    Raises:
        DatabaseError: It is no URL, or not one of a Postgres server.
    """
    try:
        parsed = make_url(url)
    except (sa_exc.ArgumentError, ValueError) as error:
        raise DatabaseError(
            f"the database URL {redact(url)!r} cannot be read; write it as"
            " 'postgresql://user:password@host:5432/database'"
        ) from error
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise DatabaseError(
            f"the database URL {redact(url)!r} is not a Postgres URL; geofix needs Postgres with"
            " pgvector: 'postgresql://user:password@host:5432/database'"
        )
    return parsed.set(drivername="postgresql+psycopg")


def redact(url: str) -> str:
    """Return `url` fit for an error message: without its password, whatever its shape."""
    head, at, tail = url.rpartition("@")
    if not at:
        return url
    scheme, slashes, login = head.partition("://")
    return f"{scheme}{slashes}{login.partition(':')[0]}:***@{tail}"


def conninfo(url: str) -> str:
    """Return `url` as libpq and psycopg take it."""
    return parse_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def open_engine(url: str, *, statement_timeout_ms: int = STATEMENT_TIMEOUT_MS) -> Engine:
    """Return an engine for `url`; nothing is connected yet.

    Prepared statements are off, so that PgBouncer may stand in between.
    """
    return create_engine(
        parse_url(url),
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "prepare_threshold": None,
            "application_name": "geofix",
            "options": f"-c statement_timeout={statement_timeout_ms}",
        },
    )


@contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Turn what a missing server, a wrong login or an old schema raise into `DatabaseError`."""
    where = redact(engine.url.render_as_string(hide_password=False))
    try:
        yield
    except sa_exc.OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
        raise DatabaseError(
            f"cannot reach the database at {where!r}: {reason}. Check DATABASE_URL and that the"
            " server runs, or unset DATABASE_URL to use geofix's own embedded server"
        ) from error
    except sa_exc.ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) not in {"42P01", "42703", "42704"}:
            raise
        raise DatabaseError(
            f"the database at {where!r} does not hold geofix's tables as this version needs them:"
            f" {str(error.orig).splitlines()[0]}. Run `geofix db upgrade`"
        ) from error
