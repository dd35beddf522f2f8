"""One encoder's index: created beside the one in force, dropped, one at a time.

HNSW (Malkov & Yashunin 2018) over centred vectors, as an expression over the raw ones that are
stored. It covers the photos there were when it was begun: later ones are not added to the graph,
which takes 3 to 7 ms each, but searched one by one until the next index.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from pgvector import HalfVector
from psycopg.errors import DiskFull
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy import exc as sa_exc

from geofix.db.errors import DatabaseError
from geofix.db.load.vectors import driver_of
from geofix.db.round_trip import LIMIT_MS
from geofix.db.search.centring import Centring
from geofix.db.search.partition import Partition, part_names
from geofix.db.tables import VectorIndexRow

SHARE = 0.5
"""Of what memory is free; the rest is for the pages of table and index."""

LEAST_MB = 64
"""Postgres's own default."""

SHARED_MEMORY = Path("/dev/shm")
"""Where processes that build together keep the whole graph; a container's holds 64 MB."""

CORES_ELSEWHERE = 4
"""Assumed of a server on another machine, which does not tell."""

HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class BuildMemory:
    """What a build is given."""

    memory_mb: int
    workers: int
    """Processes beside the leader."""
    fits: bool
    """Whether the graph will stay in memory."""


def graph_bytes(rows: int, dimension: int, m: int, *, compact: bool) -> int:
    """Return what an HNSW graph takes in memory while it is built.

    Vector, 2m neighbours of 16 bytes in the lowest layer, and 130 bytes for the rest, a tenth more
    for the layers above: measured 2.9 kB a row at 768 dimensions and m = 32.
    """
    vector = dimension // 8 if compact else 2 * dimension
    return int(rows * (vector + 2 * m * 16 + 130) * 1.1)


def on_this_machine(engine: Engine) -> bool:
    """Say whether a server shares this machine's memory, as far as its address tells."""
    host = engine.url.host or "localhost"
    return host in HERE or host.startswith("/")


def cores_of(engine: Engine) -> int:
    """Return how many of an index's graphs a server is asked to search at once."""
    return (os.cpu_count() or 1) if on_this_machine(engine) else CORES_ELSEWHERE


def build_memory(engine: Engine, needed_bytes: int) -> BuildMemory | None:
    """Return what a build should be given; none where the server is another machine's.

    Its memory cannot be seen from here: then the server's own settings hold.
    """
    if not on_this_machine(engine):
        return None
    needed_mb = max(LEAST_MB, needed_bytes // 1_000_000 + 16)
    free_mb = max(LEAST_MB, int(psutil.virtual_memory().available * SHARE) // 1_000_000)
    memory_mb = min(needed_mb, free_mb)
    workers = max(0, min(8, os.cpu_count() or 1))
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free < memory_mb * 1_000_000:
        workers = 0
    return BuildMemory(memory_mb, workers, fits=needed_mb <= free_mb)


Progress = Callable[[str], None]


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
class IndexSession:
    """What indexes are changed over, one change at a time."""

    connection: Connection
    """Without transactions."""
    pooled: bool
    """Whether a pooler stands in between, so that no setting holds for the connection."""


@contextmanager
def index_session(engine: Engine) -> Iterator[IndexSession]:
    """Give a session without transactions, in which nobody else changes indexes.

    It is closed afterwards with its settings. Behind a pooler it is no session: each statement may
    go over another one.

    Raises:
        DatabaseError: Somebody else has changed indexes for longer than `LONGEST_TURN_S`.
    """
    with _turn(engine):
        opened = engine.connect()
        try:
            connection = opened.execution_options(isolation_level="AUTOCOMMIT", **{LIMIT_MS: None})
            pooled = _is_pooled(connection)
            if pooled:
                connection.execution_options(**{LIMIT_MS: 0})
            else:
                connection.execute(text("set statement_timeout = 0"))
            yield IndexSession(connection, pooled)
        finally:
            opened.invalidate()
            opened.close()


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Wait until nobody else changes indexes; nobody does until the end.

    The lock is a transaction's, over a connection of its own, since a session's would stay with a
    pooler. By asking again and not in `pg_advisory_xact_lock`: whoever waits there holds a
    snapshot, which an index that is created concurrently waits for in turn; a transaction between
    two statements holds none.
    """
    give_up_at = time.monotonic() + LONGEST_TURN_S
    # Without a parameter: a statement with one keeps its portal, and so its snapshot, open.
    attempt = text(f"select pg_try_advisory_xact_lock({INDEX_LOCK})")
    connection = engine.connect()
    try:
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


def _is_pooled(connection: Connection) -> bool:
    """Say whether a pooler stands in between: it gives a process id that is not the server's."""
    told = driver_of(connection).info.backend_pid
    return bool(connection.execute(text("select pg_backend_pid()")).scalar_one() != told)


def create_index(
    engine: Engine,
    session: IndexSession,
    partition: Partition,
    row: VectorIndexRow,
    centring: Centring,
    progress: Progress,
) -> None:
    """Create the index that `row` describes; it is not in force yet."""
    compact = row.kind == "compact"
    # One graph is built after another: what one needs is given back before the next.
    photos = row.photos // row.parts + 1
    needed = graph_bytes(photos, partition.dimension, row.m, compact=compact)
    # Citus's workers build by their own settings, see `geofix db distribute`.
    given = None if partition.distributed else build_memory(engine, needed)
    line = f"building the index over {row.photos:,} vectors"
    if given is not None and not given.fits:
        line += f"; it needs {needed // 1_000_000:,} MB and gets {given.memory_mb:,}, so slowly"
    if session.pooled:
        line += "; a pooler stands in between, so loads wait meanwhile"
    progress(line)
    for part, name in enumerate(part_names(row.name, row.parts)):
        statement = _index_sql(partition, row, centring, name, part)
        try:
            _build(engine, session, statement, given)
        except sa_exc.OperationalError as error:
            if not isinstance(error.orig, DiskFull) or given is None or not given.workers:
                raise
            # A container's shared memory is too small for processes to build together.
            progress("building the index with one process: the server's shared memory is too small")
            _drop(session.connection, name)
            given = replace(given, workers=0)
            _build(engine, session, statement, given)
        if row.parts > 1:
            progress(f"built {part + 1} of its {row.parts} graphs")
    session.connection.execute(text(f"analyze {partition.table.name}"))


def _index_sql(
    partition: Partition, row: VectorIndexRow, centring: Centring, name: str, part: int
) -> str:
    dimension = partition.dimension
    # A search sends the same mean as bytes, which is the same constant to Postgres; else the index
    # would not be used.
    mean = f"'{HalfVector(centring.mean).to_text()}'::halfvec"
    expression, operators = f"(embedding - {mean})::halfvec({dimension:d})", "halfvec_cosine_ops"
    if row.kind == "compact":
        expression, operators = (
            f"binary_quantize({expression})::bit({dimension:d})",
            "bit_hamming_ops",
        )
    rest = f" and photo_id % {row.parts:d}::bigint = {part:d}::bigint" if row.parts > 1 else ""
    return (
        f"{name} on {partition.table.name}"
        f" using hnsw (({expression}) {operators})"
        f" with (m = {row.m:d}, ef_construction = {row.ef_construction:d})"
        f" where photo_id <= {row.upto:d}{rest}"
    )


def remove_others(connection: Connection, partition: Partition) -> None:
    """Drop the indexes that are not in force: the one before, or what a killed build left."""
    in_force = select(VectorIndexRow.name, VectorIndexRow.parts)
    row = connection.execute(
        in_force.where(VectorIndexRow.encoder_id == partition.encoder_id)
    ).first()
    current = () if row is None else part_names(row.name, row.parts)
    names = connection.execute(
        text(
            "select relname from pg_index join pg_class on pg_class.oid = indexrelid"
            " join pg_am on pg_am.oid = relam"
            " where indrelid = to_regclass(:partition) and amname = 'hnsw'"
        ),
        {"partition": partition.table.name},
    ).scalars()
    for name in names:
        if name not in current:
            _drop(connection, name)


def _build(engine: Engine, session: IndexSession, index: str, given: BuildMemory | None) -> None:
    """Create an index: concurrently, which lets loads go on, but keeps no setting of a transaction.

    Behind a pooler there are no others, so there it is created in a transaction.
    """
    scope = "local" if session.pooled else "session"
    settings = []
    if given is not None:
        settings = [
            f"set {scope} maintenance_work_mem = '{given.memory_mb:d}MB'",
            f"set {scope} max_parallel_maintenance_workers = {given.workers:d}",
        ]
    if not session.pooled:
        for setting in settings:
            session.connection.execute(text(setting))
        session.connection.execute(text(f"create index concurrently {index}"))
        return
    with engine.begin() as connection:
        for statement in ("set local statement_timeout = 0", *settings, f"create index {index}"):
            connection.execute(text(statement))


def _drop(connection: Connection, name: str) -> None:
    # Neither behind a pooler does a limit go ahead of it: it must not be in a transaction.
    statement = text(f"drop index concurrently if exists {name}")
    connection.execute(statement, execution_options={LIMIT_MS: None})


WRITERS_LOCK = 0x6765_6F66_6979
"""Key of the advisory lock ('geofiy' in ASCII)."""


def write_alone(connection: Connection) -> None:
    """Wait until no other load or removal runs; the rest of the transaction is the only one.

    Loads at once deadlocked on new partitions and on rows they shared. Searches never wait.
    """
    connection.execute(text("set local statement_timeout = 0"))
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": WRITERS_LOCK})
