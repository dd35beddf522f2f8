"""The index over one encoder's vectors: created beside the one in force, or dropped.

HNSW (Malkov & Yashunin 2018) over centred vectors, as an expression over the raw ones that are
stored. It covers the photos there were when it was begun: later ones are not added to the graph,
which takes 3 to 7 ms each, but searched one by one until the next index.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg.errors import DiskFull
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy import exc as sa_exc

from geofix.db.build_memory import build_memory, graph_bytes
from geofix.db.centring import Centring
from geofix.db.halves import as_text
from geofix.db.models import VectorIndexRow
from geofix.db.partition import Partition, part_names

Progress = Callable[[str], None]


INDEX_LOCK = 0x6765_6F66_697A
"""Key of the advisory lock under which indexes are changed by one at a time ('geofiz' in ASCII)."""

TURN_S = 0.2
"""How often whoever waits asks whether it is their turn."""


@contextmanager
def index_session(engine: Engine) -> Iterator[Connection]:
    """Give a session without transactions, in which nobody else changes indexes.

    It is closed afterwards with its settings.
    """
    opened = engine.connect()
    try:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("set statement_timeout = 0"))
        _take_turn(connection)
        yield connection
    finally:
        opened.invalidate()
        opened.close()


def _take_turn(connection: Connection) -> None:
    """Wait until nobody else changes indexes.

    By asking again and not in `pg_advisory_lock`: whoever waits there holds a snapshot, which an
    index that is created concurrently waits for in turn.
    """
    attempt = text("select pg_try_advisory_lock(:key)")
    while not connection.execute(attempt, {"key": INDEX_LOCK}).scalar_one():
        time.sleep(TURN_S)


def create_index(
    engine: Engine,
    connection: Connection,
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
    if given is not None:
        if not given.fits:
            line += f"; it needs {needed // 1_000_000:,} MB and gets {given.memory_mb:,}, so slowly"
        _give(connection, given.memory_mb, given.workers)
    progress(line)
    for part, name in enumerate(part_names(row.name, row.parts)):
        statement = _index_sql(partition, row, centring, name, part)
        try:
            connection.execute(text(statement))
        except sa_exc.OperationalError as error:
            if not isinstance(error.orig, DiskFull) or given is None or not given.workers:
                raise
            # A container's shared memory is too small for processes to build together.
            progress("building the index with one process: the server's shared memory is too small")
            connection.execute(text(f"drop index concurrently if exists {name}"))
            _give(connection, given.memory_mb, 0)
            connection.execute(text(statement))
        if row.parts > 1:
            progress(f"built {part + 1} of its {row.parts} graphs")
    connection.execute(text(f"analyze {partition.table.name}"))


def _index_sql(
    partition: Partition, row: VectorIndexRow, centring: Centring, name: str, part: int
) -> str:
    dimension = partition.dimension
    mean = f"'{as_text(centring.mean)}'::halfvec"
    expression, operators = f"(embedding - {mean})::halfvec({dimension:d})", "halfvec_cosine_ops"
    if row.kind == "compact":
        expression, operators = (
            f"binary_quantize({expression})::bit({dimension:d})",
            "bit_hamming_ops",
        )
    rest = f" and photo_id % {row.parts:d}::bigint = {part:d}::bigint" if row.parts > 1 else ""
    return (
        f"create index concurrently {name} on {partition.table.name}"
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
            connection.execute(text(f"drop index concurrently if exists {name}"))


def _give(connection: Connection, memory_mb: int, workers: int) -> None:
    connection.execute(text(f"set maintenance_work_mem = '{memory_mb:d}MB'"))
    connection.execute(text(f"set max_parallel_maintenance_workers = {workers:d}"))
