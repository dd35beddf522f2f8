"""Decides when an encoder's vectors get a new index or mean, builds it and puts it into use."""

from __future__ import annotations

import time

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.load.index_build import (
    Progress,
    create_index,
    index_session,
    remove_others,
    write_alone,
)
from geofix.db.search import plan
from geofix.db.search.centring import Centring, measure_partition, replace_centring
from geofix.db.search.counts import count_all, mark_changed, read_counts
from geofix.db.search.partition import Kind, partition_of
from geofix.db.search.plan import parts_for
from geofix.db.tables import VectorIndexRow

M = 32
EF_CONSTRUCTION = 128
"""HNSW's m and ef_construction: links of a vector, and candidates examined for them. Compared with
pgvector's defaults of 16 and 64, a build takes three times as long, and searches find 95 % of the
least similar photos instead of 87 % (200,000 x 768, ef_search 400)."""


def build_index(
    engine: Engine,
    encoder: str,
    *,
    kind: Kind = "full",
    m: int = M,
    ef_construction: int = EF_CONSTRUCTION,
    parts: int | None = None,
    progress: Progress = lambda line: None,
) -> None:
    """Build an index with a new mean, and replace the index and the mean in use.

    Args:
        engine: To the database.
        encoder: Whose vectors.
        kind: `full`, or `compact` with one bit a dimension, which needs less memory.
        m: Number of neighbours that a vector is linked to.
        ef_construction: Number of candidates examined for these links.
        parts: Number of graphs of the index; by default it depends on the number of vectors.
        progress: Called with a line for each step.

    Raises:
        GalleryError: The encoder has too few vectors for a mean.
        DatabaseError: The server failed; the old index and mean stay in use.
    """
    with database_errors(engine), index_session(engine) as session:
        connection = session.connection
        partition = partition_of(connection, encoder)
        if partition is None:
            raise GalleryError(f"there are no vectors of encoder {encoder!r}; ingest photos first")
        remove_others(connection, partition)
        progress("computing the mean")
        centring = measure_partition(connection, partition)
        if centring is None:
            raise GalleryError(
                f"encoder {encoder!r} has too few vectors for an index; searches compare with"
                " every vector"
            )
        table = partition.table
        photos, upto = connection.execute(
            select(func.count(), func.max(table.c.photo_id)).select_from(table)
        ).one()
        row = VectorIndexRow(
            name=f"{table.name}_{kind}_{centring.version}",
            kind=kind,
            centring_version=centring.version,
            upto=upto,
            photos=photos,
            # Citus has one graph a shard: of several, all candidates would go to the coordinator.
            parts=parts or (1 if partition.distributed else parts_for(photos)),
            m=m,
            ef_construction=ef_construction,
        )
        began = time.monotonic()
        create_index(engine, session, partition, row, centring, progress)
        row.took_s = time.monotonic() - began
        _swap(engine, partition.encoder_id, row, centring)
        remove_others(connection, partition)


def _swap(engine: Engine, encoder_id: int, row: VectorIndexRow, centring: Centring) -> None:
    """Put index and mean into use together; a search that has begun uses the old ones."""
    values = {
        column.name: getattr(row, column.name)
        for column in VectorIndexRow.__table__.c
        if column.name not in {"encoder_id", "built_at"}
    }
    with engine.begin() as connection:
        write_alone(connection)
        replace_centring(connection, encoder_id, centring)
        connection.execute(delete(VectorIndexRow).where(VectorIndexRow.encoder_id == encoder_id))
        connection.execute(insert(VectorIndexRow).values(encoder_id=encoder_id, **values))
        mark_changed(connection, [encoder_id])


def finish_load(engine: Engine, encoder: str, *, progress: Progress = lambda line: None) -> None:
    """Update counts, centring and index after photos were added or removed.

    An encoder with more than `EXACT_ROWS` vectors has an index, which is rebuilt when that many are
    not in it. Without an index, only the mean is computed again.

    Raises:
        DatabaseError: The server failed; the next call does the rest.
    """
    with database_errors(engine), engine.begin() as connection:
        write_alone(connection)
        partition = partition_of(connection, encoder)
        if partition is None:
            return
        count_all(connection, partition)
        mark_changed(connection, [partition.encoder_id])
        total = read_counts(connection, partition).total
    index = partition.index
    if total <= plan.EXACT_ROWS // 2 and index is not None:
        drop_index(engine, encoder)
    elif abs(total - (0 if index is None else index.photos)) > plan.EXACT_ROWS:
        kind = "full" if index is None else index.kind
        build_index(engine, encoder, kind=kind, progress=progress)
    elif index is None:
        refresh_centring(engine, encoder)


def refresh_centring(engine: Engine, encoder: str) -> None:
    """Compute mean and null distribution again, unless an index uses the current mean."""
    with database_errors(engine), engine.begin() as connection:
        write_alone(connection)
        partition = partition_of(connection, encoder)
        if partition is None or partition.index is not None:
            return
        replace_centring(connection, partition.encoder_id, measure_partition(connection, partition))
        mark_changed(connection, [partition.encoder_id])


def drop_index(engine: Engine, encoder: str) -> None:
    """Remove the index, so that searches compare with every vector."""
    with database_errors(engine), index_session(engine) as session:
        partition = partition_of(session.connection, encoder)
        if partition is not None:
            with engine.begin() as short:
                gone = VectorIndexRow.encoder_id == partition.encoder_id
                short.execute(delete(VectorIndexRow).where(gone))
                mark_changed(short, [partition.encoder_id])
            remove_others(session.connection, partition)
    refresh_centring(engine, encoder)
