"""When an encoder's vectors get an index or a new mean, and when they do without."""

from __future__ import annotations

from sqlalchemy import Engine, delete

from geofix.db.cell_counts import read_counts
from geofix.db.centring import replace_centring
from geofix.db.engine import database_errors
from geofix.db.index_build import Progress, build_index, changed, measured, remove_others, session
from geofix.db.models import VectorIndexRow
from geofix.db.partition import partition_of
from geofix.db.plan import EXACT_ROWS
from geofix.db.writer_lock import write_alone


def finish_load(engine: Engine, encoder: str, *, progress: Progress = lambda line: None) -> None:
    """Bring centring and index up to date after photos came or went.

    A partition of more than `EXACT_ROWS` vectors has an index; it is built anew once as many are
    not in it. Where there is none, the mean is taken anew.
    """
    with database_errors(engine), engine.connect() as connection:
        partition = partition_of(connection, encoder)
        if partition is None:
            return
        total = read_counts(connection, partition).total
    if partition.index is None and total <= EXACT_ROWS:
        refresh_centring(engine, encoder)
    elif partition.index is None:
        build_index(engine, encoder, progress=progress)
    elif total <= EXACT_ROWS // 2:
        drop_index(engine, encoder)
    elif abs(total - partition.index.photos) > EXACT_ROWS:
        build_index(engine, encoder, kind=partition.index.kind, progress=progress)


def refresh_centring(engine: Engine, encoder: str) -> None:
    """Compute mean and null distribution anew, where no index holds on to the old mean."""
    with database_errors(engine), engine.begin() as connection:
        write_alone(connection)
        partition = partition_of(connection, encoder)
        if partition is None or partition.index is not None:
            return
        centring = measured(connection, partition)
        replace_centring(connection, partition.encoder_id, centring)
        changed(connection, partition)


def drop_index(engine: Engine, encoder: str) -> None:
    """Do without an index: searches compare with every vector again."""
    with database_errors(engine), session(engine) as connection:
        partition = partition_of(connection, encoder)
        if partition is None:
            return
        with engine.begin() as short:
            gone = VectorIndexRow.encoder_id == partition.encoder_id
            short.execute(delete(VectorIndexRow).where(gone))
            changed(short, partition)
        remove_others(connection, partition)
    refresh_centring(engine, encoder)
