"""Creates and drops the index of one encoder, one change at a time.

The index is HNSW (Malkov & Yashunin 2018) over centred vectors, as an expression over the stored
raw ones. It covers the photos that exist when its build begins. Later photos are not added, which
would take 3 to 7 ms each; searches compare with them one by one until the next build.
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

from geofix.db.engine import on_this_machine
from geofix.db.errors import DatabaseError
from geofix.db.load.vector_rows import driver_of
from geofix.db.round_trip import LIMIT_MS
from geofix.db.search.centring import Centring
from geofix.db.search.partition import Partition, part_names
from geofix.db.tables import VectorIndexRow

SHARE = 0.5
"""Share of the free memory that a build gets; the rest caches pages of table and index."""

LEAST_MB = 64
"""Postgres's own default."""

SHARED_MEMORY = Path("/dev/shm")
"""Parallel builds keep the whole graph here; in a container it holds only 64 MB."""


@dataclass(frozen=True, slots=True)
class BuildMemory:
    """Memory and processes of an index build."""

    memory_mb: int
    workers: int
    """Processes beside the leader."""
    fits: bool
    """Whether the whole graph fits in memory."""


def graph_bytes(rows: int, dimension: int, m: int, *, compact: bool) -> int:
    """Return the memory in bytes that building an HNSW graph takes.

    A row takes its vector, 2m neighbours of 16 bytes in the lowest layer and 130 bytes more; the
    layers above add a tenth. Measured: 2.9 kB a row at 768 dimensions and m = 32.
    """
    vector = dimension // 8 if compact else 2 * dimension
    return int(rows * (vector + 2 * m * 16 + 130) * 1.1)


def build_memory(engine: Engine, needed_bytes: int) -> BuildMemory | None:
    """Return the memory for a build; none if the server is on another machine.

    The memory of another machine is unknown, so the server's own settings apply there.
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
"""Time between two attempts to get the lock."""

LONGEST_TURN_S = 6 * 3600
"""Longest wait for the lock. A million vectors take a quarter of an hour (DESIGN.md section 4), and
the lock ends with its holder's connection, so a holder that takes longer hangs."""

HOLDERS = text(
    "select pid from pg_locks where locktype = 'advisory' and granted and objsubid = 1"
    " and database = (select oid from pg_database where datname = current_database())"
    " and (classid::bigint << 32) + objid::bigint = :key"
)
"""Server processes that hold an advisory lock of one 64-bit key."""


@dataclass(frozen=True, slots=True)
class IndexSession:
    """A connection for index changes, one change at a time."""

    connection: Connection
    """Without transactions."""
    pooled: bool
    """Whether the connection goes through a pooler, so that settings do not last."""


@contextmanager
def index_session(engine: Engine) -> Iterator[IndexSession]:
    """Yield a session without transactions, during which nobody else changes indexes.

    The session is closed afterwards. Behind a pooler, each statement can use another session.

    Raises:
        DatabaseError: Another process has held the lock for longer than `LONGEST_TURN_S`.
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
        unlimited = text("set local idle_in_transaction_session_timeout = 0")
        while not (connection.execute(unlimited) and connection.execute(attempt).scalar_one()):
            if time.monotonic() > give_up_at:
                pids = connection.execute(HOLDERS, {"key": INDEX_LOCK}).scalars().all()
                raise DatabaseError(
                    f"the server processes {list(pids)!r} have held the lock for index changes"
                    f" for more than {LONGEST_TURN_S / 3600:g} h. Stop the programs they belong"
                    " to, or run `select pg_terminate_backend(PID)`, then try again"
                )
            # A build waits for the end of a transaction that it saw in a statement.
            connection.rollback()
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
    """Create the index that `row` describes, without putting it into use."""
    compact = row.kind == "compact"
    # One graph is built after another: what one needs is given back before the next.
    photos = row.photos // row.parts + 1
    needed = graph_bytes(photos, partition.dimension, row.m, compact=compact)
    # Citus's workers build by their own settings, see `geofix db distribute`.
    given = None if partition.distributed else build_memory(engine, needed)
    line = f"building the index of {row.photos:,} vectors"
    if given is not None and not given.fits:
        line += (
            f"; this is slow, because it needs {needed // 1000000:,} MB of memory and gets"
            f" {given.memory_mb:,} MB"
        )
    if session.pooled:
        line += "; loads wait meanwhile, because the connection goes through a pooler"
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
    """Drop the indexes that are not in use: the previous one, or what a killed build left."""
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
    """Wait until no other load or removal runs, and keep others out until the transaction ends.

    Concurrent loads deadlocked on new partitions and on shared rows. Searches never wait.
    """
    connection.execute(text("set local statement_timeout = 0"))
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": WRITERS_LOCK})
