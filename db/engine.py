"""One URL in, one SQLAlchemy engine out; and every failure to connect said plainly.

Whoever connects asks an `Address` where the server is now, and waits by it while the server starts
or recovers from a crash.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from psycopg import Connection, OperationalError, ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, create_engine, event
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, Dialect, make_url

from geofix.db.errors import DatabaseError
from geofix.db.halves import sends_halves
from geofix.db.idle import asks_the_idle
from geofix.db.redaction import redact, secrets_in, without
from geofix.db.round_trip import send_in_one_trip
from geofix.db.standing import standing

STATEMENT_TIMEOUT_MS = 120_000
"""No search may hang for ever; loads and index builds set their own limit."""

CONNECT_TIMEOUT_S = 10

PATIENCE_S = 10.0
"""How long connecting waits for a server that starts, recovers from a crash, or is gone but was
there before; one that never answered is not waited for, since its URL may be wrong."""

ASK_AGAIN_S = 0.1
"""How often a server that is waited for is asked."""

ADDRESS = "geofix_address"
"""Execution option of an engine that holds its address."""

Opened = TypeVar("Opened")

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
        raise DatabaseError(
            f"the database URL {redact(url)!r} is not usable: {said_of(error, url)}"
        ) from None


class Address(ABC):
    """Where a database is, asked anew for every connection.

    A server may end and come back elsewhere: the embedded one takes a free port at each start.
    """

    patience_s = PATIENCE_S
    """How long connecting goes on while the server is not up; 0 fails at once."""
    answered = False
    """Whether it ever took a connection."""

    @abstractmethod
    def url(self) -> str:
        """Return the URL to connect to now, with the password."""

    def present(self) -> str:
        """Return the same for a pool that begins anew after failures by itself."""
        return self.url()

    @abstractmethod
    def up(self) -> bool:
        """Say whether the server takes connections."""

    @abstractmethod
    def revive(self, give_up_at: float) -> bool:
        """Wait for a server that is not up, or start it; say whether it is up now.

        Args:
            give_up_at: By `time.monotonic`.
        """

    @property
    @abstractmethod
    def shown(self) -> str:
        """What a person knows it by; without its password."""

    @property
    @abstractmethod
    def advice(self) -> str:
        """What to do where the server cannot be reached, a sentence without its full stop."""


class FixedAddress(Address):
    """A server that somebody else runs, always at the same URL."""

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        """Lead to the server at `url`; nothing is connected yet."""
        self._url = url
        self.patience_s = patience_s

    def url(self) -> str:
        """Return the URL it was made with."""
        return self._url

    def up(self) -> bool:
        """Ask the server, without logging in."""
        return standing(conninfo(self._url)) == "up"

    def revive(self, give_up_at: float) -> bool:
        """Wait while it starts or recovers; while it is gone only if it was there before."""
        while time.monotonic() < give_up_at:
            state = standing(conninfo(self._url))
            if state == "up":
                return True
            if state == "coming":
                self.answered = True
            elif not self.answered:
                return False
            time.sleep(ASK_AGAIN_S)
        return False

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return redact(self._url)

    @property
    def advice(self) -> str:
        """Where the URL comes from, and how to do without it."""
        return (
            "Check the setting database_url (`geofix config show` says where it is set) and that"
            " the server runs, or unset it to use geofix's own embedded server"
        )


def address_of(engine: Engine) -> Address:
    """Return where an engine leads."""
    address = engine.get_execution_options().get(ADDRESS)
    if isinstance(address, Address):
        return address
    url = engine.url.set(drivername="postgresql")
    return FixedAddress(url.render_as_string(hide_password=False))


def connected(address: Address, connect: Callable[[str], Opened]) -> Opened:
    """Return what `connect` opens where the server is now; waits for it for `patience_s`.

    Args:
        address: Where the server is.
        connect: Called with the URL; again where the server was not up, for it may be elsewhere.

    Raises:
        psycopg.OperationalError: The server was not up in time, or refuses.
        DatabaseError: The embedded server does not start again.
    """
    began = time.monotonic()
    refused = False
    while True:
        try:
            opened = connect(address.url())
        except OperationalError as error:
            if address.up():
                # Once may be because it came up only now; twice is for a reason of its own.
                if refused or not address.patience_s:
                    raise
                refused = True
            elif not address.revive(began + address.patience_s):
                if (waited_s := time.monotonic() - began) > 1:
                    error.add_note(f"waited for {waited_s:.0f} s")
                raise
        else:
            address.answered = True
            return opened


def following(address: Address | str) -> Callable[[], str]:
    """Return what a pool of psycopg asks before each connection: where to connect to now.

    Raises:
        DatabaseError: As `conninfo`, of a URL; the embedded server does not start again.
    """
    led = FixedAddress(address) if isinstance(address, str) else address
    conninfo(led.url())
    return lambda: conninfo(led.present())


def afollowing(address: Address | str) -> Callable[[], Awaitable[str]]:
    """Return the same for an asynchronous pool: it waits in a thread."""
    present = following(address)
    return lambda: asyncio.to_thread(present)


def open_engine(
    address: Address | str, *, statement_timeout_ms: int = STATEMENT_TIMEOUT_MS
) -> Engine:
    """Return an engine for a URL or an address; nothing is connected yet.

    Prepared statements are off, so that PgBouncer may stand in between.
    """
    led = FixedAddress(address) if isinstance(address, str) else address
    parsed = parse_url(led.url())
    # The URL's own options stay in force, a search_path or a pooler's endpoint.
    options = [f"-c statement_timeout={statement_timeout_ms}", parsed.query.get("options", "")]
    engine = create_engine(
        parsed,
        pool_recycle=1800,
        execution_options={ADDRESS: led},
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "prepare_threshold": None,
            "application_name": "geofix",
            "options": " ".join(str(option) for option in options if option),
        },
    )

    def connect(dialect: Dialect, record: object, words: list[Any], options: dict[str, Any]) -> Any:
        def there(url: str) -> Any:
            login = parse_url(url).translate_connect_args(username="user", database="dbname")
            return dialect.connect(*words, **{**options, **login})

        return connected(led, there)

    event.listen(engine, "do_connect", connect)
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
    address = address_of(engine)
    where = address.shown
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def reason(error: sa_exc.DBAPIError) -> str:
        return said_of(error.orig, url)

    try:
        yield
    except sa_exc.OperationalError as error:
        if _reached(error):
            raise DatabaseError(
                f"the database at {where!r} could not do the work: {reason(error)}. Try again; if"
                " it stays so, look into the server's log"
            ) from error
        waited = "".join(f" ({note})" for note in getattr(error.orig, "__notes__", []))
        raise DatabaseError(
            f"cannot reach the database at {where!r}: {reason(error)}{waited}. {address.advice}"
        ) from error
    except sa_exc.DataError as error:
        raise DatabaseError(
            f"the database at {where!r} does not take a value: {reason(error)}"
        ) from error
    except sa_exc.ProgrammingError as error:
        state = _sqlstate(error)
        if state is None:
            raise DatabaseError(f"the database at {where!r}: {reason(error)}") from error
        if state in OLD_SCHEMA:
            raise DatabaseError(
                f"the database at {where!r} does not hold geofix's tables as this version needs"
                f" them: {reason(error)}. Run `geofix db upgrade`"
            ) from error
        if state == "42501":
            raise DatabaseError(
                f"the role {engine.url.username!r} may not do this in the database at {where!r}:"
                f" {reason(error)}. Grant it the right, or name another role in the setting"
                " database_url"
            ) from error
        raise


def _sqlstate(error: sa_exc.DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _reached(error: sa_exc.DBAPIError) -> bool:
    """Whether the server itself answered, and not while it came up or went down."""
    state = _sqlstate(error)
    return state is not None and not state.startswith(("08", "28", "3D", "57P"))


def said_of(error: object, url: str) -> str:
    """Return the first line of what a server or its driver says, without the secrets of `url`."""
    return without(str(error).strip().partition("\n")[0], *secrets_in(url))
