"""When an encoder's vectors get an index or a new mean, and how it is built and swapped."""

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
"""Neighbours a vector keeps, and candidates looked at for them. Against pgvector's 16 and 64 the
build takes three times as long, and finds 95 % of the least similar photos instead of 87 % at the
same width of search (200,000 x 768, ef_search 400)."""


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
    """Build an index with a new mean, and put both in the place of those in force.

    Args:
        engine: To the database.
        encoder: Whose vectors.
        kind: `full`, or `compact`: one bit a dimension, for where memory is short.
        m: Neighbours a vector keeps.
        ef_construction: Candidates looked at for them.
        parts: Graphs the index is made of; by the number of vectors where it is not given.
        progress: Called with what is being done.

    Raises:
        GalleryError: The encoder has too few vectors for a mean.
        DatabaseError: The server failed; what was in force still is.
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
    """Put index and mean in force together; a search that began before ends with the old ones."""
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
    """Bring counts, centring and index up to date after photos came or went.

    More than `EXACT_ROWS` vectors have an index; it is built anew once as many are not in it. Where
    there is none, the mean is taken anew.

    Raises:
        DatabaseError: The server failed; what it did not come to is done by the next call.
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
    """Compute mean and null distribution anew, where no index holds on to the old mean."""
    with database_errors(engine), engine.begin() as connection:
        write_alone(connection)
        partition = partition_of(connection, encoder)
        if partition is None or partition.index is not None:
            return
        replace_centring(connection, partition.encoder_id, measure_partition(connection, partition))
        mark_changed(connection, [partition.encoder_id])


def drop_index(engine: Engine, encoder: str) -> None:
    """Do without an index: searches compare with every vector again."""
    with database_errors(engine), index_session(engine) as session:
        partition = partition_of(session.connection, encoder)
        if partition is not None:
            with engine.begin() as short:
                gone = VectorIndexRow.encoder_id == partition.encoder_id
                short.execute(delete(VectorIndexRow).where(gone))
                mark_changed(short, [partition.encoder_id])
            remove_others(session.connection, partition)
    refresh_centring(engine, encoder)
