"""One encoder's vectors on all servers, which mean and index are made over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from geofix.db.centring import Centring, measure, next_version
from geofix.db.errors import DatabaseError
from geofix.db.partition import Partition, partition_of
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


@contextmanager
def sessions(engine: Engine, encoder: str) -> Iterator[list[Site]]:
    """Give the encoder's vectors on each server that has a table for them, this one first.

    With sessions without transactions, which are closed afterwards with their settings; nobody
    else has them meanwhile.

    Raises:
        ShardError: A shard cannot be reached.
    """
    with ExitStack() as opened:
        here = opened.enter_context(_session(Server(HERE, engine)))
        with server_errors(Server(HERE, engine)):
            _take_turn(here)
            servers = servers_of(engine, here)
        connections = [(servers[0], here)]
        for shard in servers[1:]:
            connections.append((shard, opened.enter_context(_session(shard))))
        yield _sites(connections, encoder)


def _take_turn(connection: Connection) -> None:
    """Wait until nobody else changes indexes.

    By asking again and not in `pg_advisory_lock`: whoever waits there holds a snapshot, which an
    index that is created concurrently waits for in turn.

    Raises:
        DatabaseError: Somebody else has changed indexes for longer than `LONGEST_TURN_S`.
    """
    give_up_at = time.monotonic() + LONGEST_TURN_S
    attempt = text("select pg_try_advisory_lock(:key)")
    while not connection.execute(attempt, {"key": INDEX_LOCK}).scalar_one():
        if time.monotonic() > give_up_at:
            pids = connection.execute(HOLDERS, {"key": INDEX_LOCK}).scalars().all()
            raise DatabaseError(
                f"the server processes {list(pids)!r} have held the right to change indexes for"
                f" more than {LONGEST_TURN_S / 3600:g} h; end what they belong to, or them"
                " (`select pg_terminate_backend(PID)`), and start again"
            )
        time.sleep(TURN_S)


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


def _sites(servers: Joined, encoder: str) -> list[Site]:
    sites = []
    for server, connection in servers:
        with server_errors(server):
            partition = partition_of(connection, encoder)
        if partition is not None:
            sites.append(Site(server, connection, partition))
    return sites


@contextmanager
def _session(server: Server) -> Iterator[Connection]:
    with server_errors(server):
        opened = server.engine.connect()
    try:
        with server_errors(server):
            connection = opened.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text("set statement_timeout = 0"))
        yield connection
    finally:
        opened.invalidate()
        opened.close()
