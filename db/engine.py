"""Engines and connections to the database, and errors that say why there is none.

A connection asks a `DatabaseAddress` where the server is now, and waits while the server starts or
recovers from a crash.
"""

from __future__ import annotations

import asyncio
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pgvector import HalfVector
from pgvector.psycopg.halfvec import HalfVectorBinaryDumper
from psycopg import Connection, Error, OperationalError, ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import Engine, create_engine, event
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.pool import QueuePool

from geofix.db.errors import DatabaseError
from geofix.db.failures import Reached, failure, reason_of
from geofix.db.plain_text import redact, secrets_in
from geofix.db.round_trip import (
    LIMIT_MS,
    PSYCOPG,
    check_idle_connections,
    send_in_one_trip,
    send_limit_first,
)
from geofix.db.server_state import server_state

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
            f"the database URL {redact(url)!r} cannot be parsed; write it as"
            " 'postgresql://user:password@host:5432/database', with '%40' for '@' in the"
            " password"
        ) from None
    if "@" in (parsed.host or ""):
        # Half of the password would be looked up as a host name, and shown when that fails.
        raise DatabaseError(
            f"the database URL {redact(url)!r} has more than one '@'; write '%40' for each '@'"
            " in the user name and the password"
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
    try:
        # As the engine connects: several hosts have a form of SQLAlchemy's own.
        _, words = PSYCOPG.create_connect_args(parsed)
        words.pop("context", None)
        return make_conninfo(**words)
    except (ProgrammingError, sa_exc.ArgumentError) as error:
        reason = reason_of(error, *_secrets(url))
        raise DatabaseError(f"the database URL {redact(url)!r} cannot be used: {reason}") from None


class DatabaseAddress(ABC):
    """Where a database is, asked anew for every connection.

    A server may end and come back elsewhere: the embedded one takes a free port at each start.
    """

    patience_s = PATIENCE_S
    """How long connecting goes on while the server is not up."""
    answered = False
    """Whether it ever took a connection."""
    known: str | None = None
    """The URL that was last connected to, for errors: asking for it anew may start the server."""

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


class FixedAddress(DatabaseAddress):
    """A server that somebody else runs, always at the same URL."""

    def __init__(self, url: str) -> None:
        """Lead to the server at `url`; nothing is connected yet."""
        self._url = self.known = url

    def url(self) -> str:
        """Return the URL it was made with."""
        return self._url

    def up(self) -> bool:
        """Ask the server, without logging in."""
        return server_state(conninfo(self._url)) == "up"

    def revive(self, give_up_at: float) -> bool:
        """Wait while it starts or recovers; while it is gone only if it was there before."""
        while time.monotonic() < give_up_at:
            state = server_state(conninfo(self._url))
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
            "Check that the server runs, and that host, user, password and database in the"
            " setting database_url are right (`geofix config show` says where it is set). Or"
            " remove the setting to use geofix's embedded server"
        )


def engine_address(engine: Engine) -> DatabaseAddress:
    """Return where an engine leads."""
    address = engine.get_execution_options().get(ADDRESS)
    if isinstance(address, DatabaseAddress):
        return address
    url = engine.url.set(drivername="postgresql")
    return FixedAddress(url.render_as_string(hide_password=False))


def connect_patiently(address: DatabaseAddress, connect: Callable[[str], Opened]) -> Opened:
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
                if refused:
                    raise
                refused = True
            elif not address.revive(began + address.patience_s):
                if (waited_s := time.monotonic() - began) > 1:
                    error.add_note(f"waited for {waited_s:.0f} s")
                raise
        else:
            address.answered = True
            return opened


def conninfo_source(address: DatabaseAddress | str) -> Callable[[], str]:
    """Return what a pool of psycopg asks before each connection: where to connect to now.

    Raises:
        DatabaseError: As `conninfo`, of a URL; the embedded server does not start again.
    """
    led = FixedAddress(address) if isinstance(address, str) else address
    conninfo(led.url())
    return lambda: conninfo(led.present())


def async_conninfo_source(address: DatabaseAddress | str) -> Callable[[], Awaitable[str]]:
    """Return the same for an asynchronous pool: it waits in a thread."""
    present = conninfo_source(address)
    return lambda: asyncio.to_thread(present)


def open_engine(
    address: DatabaseAddress | str,
    *,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
    pool_size: int = POOL_SIZE,
    pool_timeout_s: float = POOL_TIMEOUT_S,
) -> Engine:
    """Return an engine for a URL or an address; nothing is connected yet.

    A pooler that lends a connection for one transaction (PgBouncer) may stand in between: nothing
    is asked of it when connecting, prepared statements are off, and what is set is set for a
    transaction, the limit to its statements with the first of them.

    Args:
        address: As `parse_url`, or what leads there; the URL's own `options` stay in force.
        statement_timeout_ms: How long one statement may take.
        pool_size: Connections at most.
        pool_timeout_s: How long to wait for one of them.
    """
    led = FixedAddress(address) if isinstance(address, str) else address
    engine = create_engine(
        parse_url(led.url()),
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
        execution_options={LIMIT_MS: statement_timeout_ms, ADDRESS: led},
    )

    def connect(dialect: Dialect, record: object, words: list[Any], options: dict[str, Any]) -> Any:
        def there(url: str) -> Any:
            login = parse_url(url).translate_connect_args(username="user", database="dbname")
            return dialect.connect(*words, **{**options, **login})

        return connect_patiently(led, there)

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", prepare_connection)
    event.listen(engine, "do_execute", send_in_one_trip)
    event.listen(engine, "do_executemany", send_limit_first)
    check_idle_connections(engine)
    return engine


def prepare_connection(connection: Connection[Any], record: object = None) -> None:
    """Have a connection send vectors as bytes."""
    # As bytes, a vector of 768 dimensions is 1.5 kB where text takes 8 kB, and Postgres need not
    # parse it. pgvector's own registration asks each connection for the type's number, which a cast
    # in the statement makes needless.
    connection.adapters.register_dumper(HalfVector, HalfVectorBinaryDumper)


@contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Turn what the server, the way to it or the pool fails with into `DatabaseError`.

    Around whatever is asked through `engine`, COPY over the driver's own connection included.
    """
    try:
        yield
    except (sa_exc.SQLAlchemyError, Error) as error:
        address = engine_address(engine)
        size, timeout_s = pool_of(engine)
        said = failure(error, reached_through(address, size=size, timeout_s=timeout_s))
        if said is None:
            raise
        raise said from None


def reached_through(address: DatabaseAddress, **pool: Any) -> Reached:
    """Return where and through which pool something was asked, as errors tell it."""
    known = address.known
    return Reached(
        address.shown,
        address.advice,
        role=None if known is None else parse_url(known).username,
        secrets=() if known is None else _secrets(known),
        **pool,
    )


def pool_of(engine: Engine) -> tuple[int, float]:
    """Return how many connections an engine has at most, and how many seconds it waits for one."""
    pool = engine.pool
    assert isinstance(pool, QueuePool)
    return pool.size(), pool.timeout()


LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

CORES_ELSEWHERE = 4
"""Assumed of a server on another machine, which does not say how many it has."""


def on_this_machine(engine: Engine) -> bool:
    """Say whether a server shares this machine's memory, as far as its address tells."""
    host = engine.url.host or "localhost"
    return host in LOCAL_HOSTS or host.startswith("/")


def cores_of(engine: Engine) -> int:
    """Return how many statements of one search a server can work on at once."""
    return (os.cpu_count() or 1) if on_this_machine(engine) else CORES_ELSEWHERE


def _secrets(url: str) -> tuple[str, ...]:
    """Return what of a URL must not be shown; SQLAlchemy takes passwords that are not encoded."""
    return tuple(secrets_in(parse_url(url).render_as_string(hide_password=False)))
