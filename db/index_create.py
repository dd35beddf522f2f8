"""One server's index over one encoder's vectors: created beside the one in force, or dropped.

HNSW (Malkov & Yashunin 2018) over centred vectors, as an expression over the raw ones that are
stored. It covers the photos there were when it was begun: later ones are not added to the graph,
which takes 3 to 7 ms each, but searched one by one until the next index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from psycopg.errors import DiskFull
from sqlalchemy import Connection, select, text
from sqlalchemy import exc as sa_exc

from geofix.db.build_memory import BuildMemory, build_memory, graph_bytes
from geofix.db.centring import Centring
from geofix.db.halves import as_text
from geofix.db.models import VectorIndexRow
from geofix.db.partition import Partition, part_names
from geofix.db.round_trip import LIMIT_MS
from geofix.db.servers import server_errors
from geofix.db.sites import Site

Progress = Callable[[str], None]


def create_index(site: Site, row: VectorIndexRow, centring: Centring, progress: Progress) -> None:
    """Create the index that `row` describes; it is not in force yet.

    Raises:
        DatabaseError: The server failed.
    """
    with server_errors(site.server):
        _create(site, row, centring, progress)


def remove_others(site: Site) -> None:
    """Drop the indexes that are not in force: the one before, or what a killed build left."""
    with server_errors(site.server):
        _remove_others(site.connection, site.partition)


def _create(site: Site, row: VectorIndexRow, centring: Centring, progress: Progress) -> None:
    connection, partition = site.connection, site.partition
    compact = row.kind == "compact"
    # One graph is built after another: what one needs is given back before the next.
    photos = row.photos // row.parts + 1
    needed = graph_bytes(photos, partition.dimension, row.m, compact=compact)
    given = build_memory(site.server.engine, needed)
    line = f"building the index over {row.photos:,} vectors"
    if given is not None and not given.fits:
        line += f"; it needs {needed // 1_000_000:,} MB and gets {given.memory_mb:,}, so slowly"
    if site.pooled:
        line += "; a pooler stands in between, so loads wait meanwhile"
    progress(line)
    for part, name in enumerate(part_names(row.name, row.parts)):
        statement = _index_sql(partition, row, centring, name, part)
        try:
            _build(site, statement, given)
        except sa_exc.OperationalError as error:
            if not isinstance(error.orig, DiskFull) or given is None or not given.workers:
                raise
            # A container's shared memory is too small for processes to build together.
            progress("building the index with one process: the server's shared memory is too small")
            _drop(connection, name)
            given = replace(given, workers=0)
            _build(site, statement, given)
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
        f"{name} on {partition.table.name}"
        f" using hnsw (({expression}) {operators})"
        f" with (m = {row.m:d}, ef_construction = {row.ef_construction:d})"
        f" where photo_id <= {row.upto:d}{rest}"
    )


def _remove_others(connection: Connection, partition: Partition) -> None:
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


def _build(site: Site, index: str, given: BuildMemory | None) -> None:
    """Create an index: concurrently, which lets loads go on, but keeps no setting of a transaction.

    Behind a pooler there are no others, so there it is created in a transaction.
    """
    scope = "local" if site.pooled else "session"
    settings = []
    if given is not None:
        settings = [
            f"set {scope} maintenance_work_mem = '{given.memory_mb:d}MB'",
            f"set {scope} max_parallel_maintenance_workers = {given.workers:d}",
        ]
    if not site.pooled:
        for setting in settings:
            site.connection.execute(text(setting))
        site.connection.execute(text(f"create index concurrently {index}"))
        return
    with site.server.engine.begin() as connection:
        for statement in ("set local statement_timeout = 0", *settings, f"create index {index}"):
            connection.execute(text(statement))


def _drop(connection: Connection, name: str) -> None:
    # Neither behind a pooler does a limit go ahead of it: it must not be in a transaction.
    statement = text(f"drop index concurrently if exists {name}")
    connection.execute(statement, execution_options={LIMIT_MS: None})
