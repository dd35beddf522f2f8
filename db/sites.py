"""One encoder's vectors on all servers, which mean and index are made over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from geofix.db.centring import Centring, measure, next_version
from geofix.db.copying import driver_of
from geofix.db.errors import DatabaseError
from geofix.db.partition import Partition, partition_of
from geofix.db.round_trip import LIMIT_MS
from geofix.db.servers import HERE, Joined, Server, joined, server_errors, servers_of
from geofix.db.vector_stream import Block, stream_vectors

INDEX_LOCK = 0x6765_6F66_6969
"""Key of the advisory lock under which indexes are changed by one at a time ('geofii' in ASCII)."""

TURN_S = 0.2
"""How often whoever waits asks whether it is their turn."""

LONGEST_TURN_S = 6 * 3600
"""How long they wait. A million vectors take a quarter of an hour (DESIGN.md section 4), and the
lock ends with its holder's connection: who holds it longer hangs."""


HOLDERS = text(
    "select pid from pg_locks where locktype = 'advisory' and granted and objsubid = 1"
    " and database = (select oid from pg_database where datname = current_database())"
    " and (classid::bigint << 32) + objid::bigint = :key"
)
"""Server processes that hold an advisory lock of one 64-bit key."""


@dataclass(frozen=True, slots=True)
class Site:
    """The vectors of one encoder on one server."""

    server: Server
    connection: Connection
    partition: Partition
    pooled: bool = False
    """Whether a pooler stands in between, so that no setting holds for the connection."""


@contextmanager
def sessions(engine: Engine, encoder: str) -> Iterator[list[Site]]:
    """Give the encoder's vectors on each server that has a table for them, this one first.

    With sessions without transactions, which are closed afterwards with their settings; nobody
    else has them meanwhile. Behind a pooler they are no sessions: each statement may go over
    another one, see `Site.pooled`.

    Raises:
        ShardError: A shard cannot be reached.
    """
    with ExitStack() as opened:
        opened.enter_context(_turn(engine))
        here, pooled = opened.enter_context(_session(Server(HERE, engine)))
        with server_errors(Server(HERE, engine)):
            servers = servers_of(engine, here)
        sites = _sites([(servers[0], here)], encoder, pooled=pooled)
        for shard in servers[1:]:
            there, pooled = opened.enter_context(_session(shard))
            sites += _sites([(shard, there)], encoder, pooled=pooled)
        yield sites


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Wait until nobody else changes indexes; nobody does until the end.

    The lock is a transaction's, over a connection of its own, since a session's would stay with a
    pooler. By asking again and not in `pg_advisory_xact_lock`: whoever waits there holds a
    snapshot, which an index that is created concurrently waits for in turn; a transaction between
    two statements holds none.

    Raises:
        DatabaseError: Somebody else has changed indexes for longer than `LONGEST_TURN_S`.
    """
    give_up_at = time.monotonic() + LONGEST_TURN_S
    # Without a parameter: a statement with one keeps its portal, and so its snapshot, open.
    attempt = text(f"select pg_try_advisory_xact_lock({INDEX_LOCK})")
    with server_errors(Server(HERE, engine)):
        connection = engine.connect()
    try:
        with server_errors(Server(HERE, engine)):
            connection.execution_options(isolation_level="READ COMMITTED")
            # An index may take hours to build.
            connection.execute(text("set local idle_in_transaction_session_timeout = 0"))
            while not connection.execute(attempt).scalar_one():
                if time.monotonic() > give_up_at:
                    pids = connection.execute(HOLDERS, {"key": INDEX_LOCK}).scalars().all()
                    raise DatabaseError(
                        f"the server processes {list(pids)!r} have held the right to change indexes"
                        f" for more than {LONGEST_TURN_S / 3600:g} h; end what they belong to, or"
                        " them (`select pg_terminate_backend(PID)`), and start again"
                    )
                time.sleep(TURN_S)
        yield
    finally:
        connection.close()


@contextmanager
def transactions(engine: Engine, connection: Connection, encoder: str) -> Iterator[list[Site]]:
    """Give the same, each in a transaction; see `joined`."""
    with joined(engine, connection) as servers:
        yield _sites(servers, encoder)


def measured(sites: list[Site]) -> Centring | None:
    """Compute the centring of all vectors there are now; none where they are too few."""
    version = 1
    for site in sites:
        with server_errors(site.server):
            version = max(version, next_version(site.connection, site.partition.encoder_id))
    return measure(lambda: _blocks(sites), version)


def _blocks(sites: list[Site]) -> Iterator[Block]:
    for site in sites:
        with server_errors(site.server):
            yield from stream_vectors(site.connection, site.partition)


def _sites(servers: Joined, encoder: str, *, pooled: bool = False) -> list[Site]:
    sites = []
    for server, connection in servers:
        with server_errors(server):
            partition = partition_of(connection, encoder)
        if partition is not None:
            sites.append(Site(server, connection, partition, pooled))
    return sites


@contextmanager
def _session(server: Server) -> Iterator[tuple[Connection, bool]]:
    with server_errors(server):
        opened = server.engine.connect()
    try:
        with server_errors(server):
            connection = opened.execution_options(isolation_level="AUTOCOMMIT", **{LIMIT_MS: None})
            pooled = _is_pooled(connection)
            if pooled:
                connection.execution_options(**{LIMIT_MS: 0})
            else:
                connection.execute(text("set statement_timeout = 0"))
        yield connection, pooled
    finally:
        opened.invalidate()
        opened.close()


def _is_pooled(connection: Connection) -> bool:
    """Say whether a pooler stands in between: it gives a process id that is not the server's."""
    told = driver_of(connection).info.backend_pid
    return bool(connection.execute(text("select pg_backend_pid()")).scalar_one() != told)
