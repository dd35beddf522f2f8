"""The index over a partition's vectors: built beside the old one and swapped, searches going on.

HNSW (Malkov & Yashunin 2018) over centred vectors, as an expression over the raw ones that are
stored. It covers the photos there were when it was begun: later ones are not added to the graph,
which takes 3 to 7 ms each, but searched one by one until the next index.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg.errors import DiskFull
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy import exc as sa_exc
from sqlalchemy.dialects.postgresql import insert

from geofix.db.build_memory import build_memory, graph_bytes
from geofix.db.centring import Centring, measure, next_version, replace_centring
from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.likeness import as_text
from geofix.db.models import VectorIndexRow
from geofix.db.partition import Kind, Partition, partition_of
from geofix.db.vector_stream import stream_vectors
from geofix.db.writer_lock import write_alone

M = 32
EF_CONSTRUCTION = 128
"""Neighbours a vector keeps, and candidates looked at for them. Against pgvector's 16 and 64 the
build takes three times as long, and finds 95 % of the least similar photos instead of 87 % at the
same width of search (200,000 x 768, ef_search 400)."""

INDEX_LOCK = 0x6765_6F66_697A
"""Key of the advisory lock under which one index is built at a time ('geofiz' in ASCII)."""

Progress = Callable[[str], None]


def build_index(
    engine: Engine,
    encoder: str,
    *,
    kind: Kind = "full",
    m: int = M,
    ef_construction: int = EF_CONSTRUCTION,
    progress: Progress = lambda line: None,
) -> None:
    """Build an index with a new mean, and put it in the place of the one in force.

    Args:
        engine: To the server that holds the vectors.
        encoder: Whose vectors.
        kind: `full`, or `compact`: one bit a dimension, for where memory is short.
        m: Neighbours a vector keeps.
        ef_construction: Candidates looked at for them.
        progress: Called with what is being done.

    Raises:
        GalleryError: The encoder has too few vectors for a mean.
        DatabaseError: The server failed; what was in force still is.
    """
    with database_errors(engine), session(engine) as connection:
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": INDEX_LOCK})
        partition = partition_of(connection, encoder)
        if partition is None:
            raise GalleryError(f"there is no vector of encoder {encoder!r}; ingest photos first")
        began = time.monotonic()
        remove_others(connection, partition)
        progress("computing the mean")
        centring = measured(connection, partition)
        if centring is None:
            raise GalleryError(
                f"encoder {encoder!r} has too few vectors for an index; they are compared exactly"
            )
        upto = connection.execute(select(func.max(partition.table.c.photo_id))).scalar_one()
        row = VectorIndexRow(
            encoder_id=partition.encoder_id,
            name=f"{partition.table.name}_{kind}_{centring.version}",
            kind=kind,
            centring_version=centring.version,
            upto=upto,
            photos=centring.photos,
            m=m,
            ef_construction=ef_construction,
        )
        _create(engine, connection, partition, row, centring, progress)
        row.took_s = time.monotonic() - began
        _swap(engine, partition, row, centring)
        remove_others(connection, partition)


def _create(
    engine: Engine,
    connection: Connection,
    partition: Partition,
    row: VectorIndexRow,
    centring: Centring,
    progress: Progress,
) -> None:
    compact = row.kind == "compact"
    needed = graph_bytes(row.photos, partition.dimension, row.m, compact=compact)
    given = build_memory(engine, needed)
    line = f"building the index over {row.photos:,} vectors"
    if given is not None:
        if not given.fits:
            line += f"; it needs {needed // 1_000_000:,} MB and gets {given.memory_mb:,}, so slowly"
        _give(connection, given.memory_mb, given.workers)
    progress(line)
    try:
        connection.execute(text(_index_sql(partition, row, centring)))
    except sa_exc.OperationalError as error:
        if not isinstance(error.orig, DiskFull) or given is None or not given.workers:
            raise
        # A container's shared memory is too small for processes to build together.
        progress("building the index with one process: the server's shared memory is too small")
        remove_others(connection, partition)
        _give(connection, given.memory_mb, 0)
        connection.execute(text(_index_sql(partition, row, centring)))
    connection.execute(text(f"analyze {partition.table.name}"))


def _index_sql(partition: Partition, row: VectorIndexRow, centring: Centring) -> str:
    dimension = partition.dimension
    mean = f"'{as_text(centring.mean)}'::halfvec"
    expression, operators = f"(embedding - {mean})::halfvec({dimension:d})", "halfvec_cosine_ops"
    if row.kind == "compact":
        expression, operators = (
            f"binary_quantize({expression})::bit({dimension:d})",
            "bit_hamming_ops",
        )
    return (
        f"create index concurrently {row.name} on {partition.table.name}"
        f" using hnsw (({expression}) {operators})"
        f" with (m = {row.m:d}, ef_construction = {row.ef_construction:d})"
        f" where photo_id <= {row.upto:d}"
    )


def _swap(engine: Engine, partition: Partition, row: VectorIndexRow, centring: Centring) -> None:
    """Put index and mean in force together; a search that began before ends with the old ones."""
    values = {
        column.name: getattr(row, column.name)
        for column in VectorIndexRow.__table__.c
        if column.name != "built_at"
    }
    with engine.begin() as connection:
        write_alone(connection)
        replace_centring(connection, partition.encoder_id, centring)
        entry = insert(VectorIndexRow).values(values)
        connection.execute(
            entry.on_conflict_do_update(
                index_elements=["encoder_id"], set_={**values, "built_at": func.now()}
            )
        )
        changed(connection, partition)


def remove_others(connection: Connection, partition: Partition) -> None:
    """Drop the indexes that are not in force: the one before, or what a killed build left."""
    current = _in_force(connection, partition)
    names = connection.execute(
        text(
            "select relname from pg_index join pg_class on pg_class.oid = indexrelid"
            " join pg_am on pg_am.oid = relam"
            " where indrelid = to_regclass(:partition) and amname = 'hnsw'"
        ),
        {"partition": partition.table.name},
    ).scalars()
    for name in names:
        if name != current:
            connection.execute(text(f"drop index concurrently if exists {name}"))


def _in_force(connection: Connection, partition: Partition) -> str | None:
    in_force = select(VectorIndexRow.name).where(VectorIndexRow.encoder_id == partition.encoder_id)
    return connection.execute(in_force).scalar()


def measured(connection: Connection, partition: Partition) -> Centring | None:
    """Compute the centring of all vectors there are now; none where they are too few."""
    version = next_version(connection, partition.encoder_id)
    return measure(lambda: stream_vectors(connection, partition), version)


def changed(connection: Connection, partition: Partition) -> None:
    """Say that what was read of a partition has to be read again."""
    connection.execute(
        text("update encoders set loads = loads + 1 where id = :id"), {"id": partition.encoder_id}
    )


def _give(connection: Connection, memory_mb: int, workers: int) -> None:
    connection.execute(text(f"set maintenance_work_mem = '{memory_mb:d}MB'"))
    connection.execute(text(f"set max_parallel_maintenance_workers = {workers:d}"))


@contextmanager
def session(engine: Engine) -> Iterator[Connection]:
    """Give a connection without transactions; closed afterwards, and its settings with it."""
    with engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        try:
            connection.execute(text("set statement_timeout = 0"))
            yield connection
        finally:
            connection.invalidate()
