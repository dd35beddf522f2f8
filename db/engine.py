"""One URL in, one SQLAlchemy engine out; and every failure to connect said plainly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection, ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, create_engine, event
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, make_url

from geofix.db.errors import DatabaseError
from geofix.db.halves import sends_halves
from geofix.db.idle import asks_the_idle
from geofix.db.round_trip import send_in_one_trip

STATEMENT_TIMEOUT_MS = 120_000
"""No search may hang for ever; loads and index builds set their own limit."""

CONNECT_TIMEOUT_S = 10

WORKER = re.compile(
    r"(?:connection to the remote node (?:\S+@)?|while executing command on )(\S+:\d+)"
)
"""How Citus names the worker that could not be reached, or that failed."""

OLD_SCHEMA = frozenset({"42P01", "42703", "42704"})
"""SQLSTATEs of an unknown table, column or type: the schema is not the one asked for."""


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


def open_engine(url: str, *, statement_timeout_ms: int = STATEMENT_TIMEOUT_MS) -> Engine:
    """Return an engine for `url`; nothing is connected yet.

    Prepared statements are off, so that PgBouncer may stand in between.
    """
    parsed = parse_url(url)
    # The URL's own options stay in force, a search_path or a pooler's endpoint.
    options = [f"-c statement_timeout={statement_timeout_ms}", parsed.query.get("options", "")]
    engine = create_engine(
        parsed,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "prepare_threshold": None,
            "application_name": "geofix",
            "options": " ".join(str(option) for option in options if option),
        },
    )
    event.listen(engine, "connect", _prepared)
    event.listen(engine, "do_execute", send_in_one_trip)
    asks_the_idle(engine)
    return engine


def _prepared(connection: Connection[Any], record: object) -> None:
    sends_halves(connection)


@contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Turn what the server or the way to it can fail with into `DatabaseError`.

    That is: no server, a wrong login, an old schema, a missing right, a statement that took too
    long, a value Postgres does not take. A broken statement or constraint is a bug and stays raw.
    """
    url = engine.url.set(drivername="postgresql")
    where = redact(url.render_as_string(hide_password=False))
    try:
        yield
    except (sa_exc.OperationalError, sa_exc.InternalError) as error:
        if (worker := _worker(error)) is not None:
            raise DatabaseError(
                f"the Citus worker {worker!r} did not do its part: {_reason(error)}. The"
                f" coordinator at {where!r} answers; start the worker again, or look into its log"
            ) from error
        if isinstance(error, sa_exc.InternalError):
            raise
        if _reached(error):
            raise DatabaseError(
                f"the database at {where!r} could not do the work: {_reason(error)}. Try again; if"
                " it stays so, look into the server's log"
            ) from error
        raise DatabaseError(
            f"cannot reach the database at {where!r}: {_reason(error)}. Check DATABASE_URL and that"
            " the server runs, or unset DATABASE_URL to use geofix's own embedded server"
        ) from error
    except sa_exc.DataError as error:
        raise DatabaseError(
            f"the database at {where!r} does not take a value: {_reason(error)}"
        ) from error
    except sa_exc.ProgrammingError as error:
        state = _sqlstate(error)
        if state is None:
            raise DatabaseError(f"the database at {where!r}: {_reason(error)}") from error
        if state in OLD_SCHEMA:
            raise DatabaseError(
                f"the database at {where!r} does not hold geofix's tables as this version needs"
                f" them: {_reason(error)}. Run `geofix db upgrade`"
            ) from error
        if state == "42501":
            raise DatabaseError(
                f"the role {engine.url.username!r} may not do this in the database at {where!r}:"
                f" {_reason(error)}. Grant it the right, or name another role in DATABASE_URL"
            ) from error
        raise


def _sqlstate(error: sa_exc.DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _worker(error: sa_exc.DBAPIError) -> str | None:
    """Return host and port of the server that Citus says it failed on; none where it names none."""
    # The driver's text holds the server's CONTEXT too.
    named = WORKER.search(str(error.orig))
    return named and named.group(1)


def _reached(error: sa_exc.DBAPIError) -> bool:
    """Whether the server itself answered, and not while it came up or went down."""
    state = _sqlstate(error)
    return state is not None and not state.startswith(("08", "28", "3D", "57P"))


def _reason(error: sa_exc.DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
