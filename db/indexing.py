"""When an encoder's vectors get an index or a new mean, and when they do without."""

from __future__ import annotations

from sqlalchemy import Engine, delete

from geofix.db import plan
from geofix.db.cell_counts import read_counts
from geofix.db.centring import measured, replace_centring
from geofix.db.engine import database_errors
from geofix.db.index_build import build_index
from geofix.db.index_create import Progress, index_session, remove_others
from geofix.db.models import VectorIndexRow
from geofix.db.partition import partition_of
from geofix.db.placing import count_all, loaded
from geofix.db.writer_lock import write_alone


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
        loaded(connection, [partition.encoder_id])
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
        replace_centring(connection, partition.encoder_id, measured(connection, partition))
        loaded(connection, [partition.encoder_id])


def drop_index(engine: Engine, encoder: str) -> None:
    """Do without an index: searches compare with every vector again."""
    with database_errors(engine), index_session(engine) as session:
        partition = partition_of(session.connection, encoder)
        if partition is not None:
            with engine.begin() as short:
                gone = VectorIndexRow.encoder_id == partition.encoder_id
                short.execute(delete(VectorIndexRow).where(gone))
                loaded(short, [partition.encoder_id])
            remove_others(session.connection, partition)
    refresh_centring(engine, encoder)
