"""The servers a gallery lies on: this one, which holds the photos, and the shards.

Connections to shards live as long as the engine of the gallery: whoever disposes of that closes
them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event, select, text

from geofix.db.engine import (
    Address,
    FixedAddress,
    address_of,
    database_errors,
    open_engine,
    pool_of,
)
from geofix.db.errors import DatabaseError, ShardError
from geofix.db.models import ShardRow
from geofix.db.redaction import redact

HERE = "here"
"""Name of the server with the photos, which holds vectors too."""

SHARD_TIMEOUT_S = 30.0
"""No statement of a search may take a shard longer."""

Answer = TypeVar("Answer")

_opened: WeakKeyDictionary[Engine, dict[str, Engine]] = WeakKeyDictionary()
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Server:
    """One of the servers."""

    name: str
    """`here`, or the shard's."""
    engine: Engine = field(repr=False)
    url: str = field(default="", repr=False)
    """Of a shard, with the password."""


def shards_of(engine: Engine, connection: Connection) -> list[Server]:
    """Return the shards by name; `connection` is one of `engine`."""
    rows = connection.execute(select(ShardRow.name, ShardRow.url).order_by(ShardRow.name)).all()
    return [Server(row.name, _shard(engine, row.url), row.url) for row in rows]


def beside(engine: Engine) -> Engine:
    """Return an engine to the same server with connections of its own.

    Whoever holds a connection and waits for one more of the same pool waits for ever once all do.
    """
    return _engine(engine, "", address_of(engine))


def servers_of(engine: Engine, connection: Connection) -> list[Server]:
    """Return all servers, this one first."""
    return [Server(HERE, engine), *shards_of(engine, connection)]


def _shard(owner: Engine, url: str) -> Engine:
    # Not waited for: a search does without a shard that is down.
    return _engine(owner, url, FixedAddress(url, patience_s=0))


def _engine(owner: Engine, key: str, address: Address) -> Engine:
    with _lock:
        if owner not in _opened:
            _opened[owner] = {}
            event.listen(owner, "engine_disposed", _dispose)
        if key not in _opened[owner]:
            milliseconds = int(SHARD_TIMEOUT_S * 1000)
            size, timeout_s = pool_of(owner)
            _opened[owner][key] = open_engine(
                address,
                statement_timeout_ms=milliseconds,
                pool_size=size,
                pool_timeout_s=timeout_s,
            )
        return _opened[owner][key]


def _dispose(owner: Engine) -> None:
    with _lock:
        shards = _opened.get(owner, {})
        engines = list(shards.values())
        shards.clear()
    for engine in engines:
        engine.dispose()


@contextmanager
def server_errors(server: Server) -> Iterator[None]:
    """Turn what a server fails with into an error that names it.

    Put it around what is asked of one server only: what another one fails with would be blamed
    on this.

    Raises:
        DatabaseError: From the server with the photos.
        ShardError: From a shard.
    """
    if server.name == HERE:
        with database_errors(server.engine):
            yield
        return
    try:
        with database_errors(server.engine):
            yield
    except DatabaseError as error:
        raise ShardError(server.name, redact(server.url), error.reason) from None


def asked_of_each(
    servers: Sequence[Server], ask: Callable[[Connection], Answer]
) -> tuple[dict[str, Answer], dict[str, str]]:
    """Ask one server after another.

    Args:
        servers: Whom.
        ask: Asks one of them, over a connection to it.

    Returns:
        The answers by server, and why the shards that are not among them gave none.

    Raises:
        DatabaseError: The server with the photos does not answer.
    """
    answered: dict[str, Answer] = {}
    missing: dict[str, str] = {}
    for server in servers:
        try:
            with server_errors(server), server.engine.connect() as connection:
                answered[server.name] = ask(connection)
        except ShardError as error:
            missing[server.name] = error.reason
    return answered, missing


@contextmanager
def transaction(server: Server) -> Iterator[Connection]:
    """Give a connection that commits at the end, unless that was done before.

    Its body puts `server_errors` around what it asks; loads may take as long as they need.
    """
    with server_errors(server):
        connection = server.engine.connect()
    try:
        with server_errors(server):
            connection.execute(text("set local statement_timeout = 0"))
        yield connection
        with server_errors(server):
            connection.commit()
    finally:
        connection.close()


Joined = list[tuple[Server, Connection]]
"""The servers with a transaction on each, this one first."""


@contextmanager
def joined(engine: Engine, connection: Connection) -> Iterator[Joined]:
    """Give all servers with a transaction each; those of the shards commit at the end.

    Args:
        engine: To the server with the photos.
        connection: Of `engine`, in a transaction that commits after these: what is on a shard and
            not among the photos is found by no search.

    Raises:
        ShardError: A shard cannot be reached.
    """
    with ExitStack() as opened:
        servers = [(Server(HERE, engine), connection)]
        for shard in shards_of(engine, connection):
            servers.append((shard, opened.enter_context(transaction(shard))))
        yield servers
