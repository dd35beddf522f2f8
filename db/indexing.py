"""When an encoder's vectors get an index or a new mean, and when they do without."""

from __future__ import annotations

from sqlalchemy import Engine, delete

from geofix.db import plan
from geofix.db.cell_counts import read_counts
from geofix.db.centring import replace_centring
from geofix.db.engine import database_errors
from geofix.db.index_build import build_index
from geofix.db.index_create import Progress, remove_others
from geofix.db.models import VectorIndexRow
from geofix.db.partition import VectorIndex
from geofix.db.placing import count_all, loaded
from geofix.db.servers import joined, server_errors
from geofix.db.sites import Site, measured, sessions, transactions
from geofix.db.sweeping import sweep
from geofix.db.writer_lock import write_alone

Held = list[tuple[VectorIndex | None, int]]
"""Of each server the index and how many vectors there are."""


def finish_load(engine: Engine, encoder: str, *, progress: Progress = lambda line: None) -> None:
    """Bring counts, centring and index up to date after photos came or went.

    A server with more than `EXACT_ROWS` vectors has an index; all are built anew once on one of
    them as many are not in it. Where there is none, the mean is taken anew.

    Raises:
        DatabaseError: A server failed; what it did not come to is done by the next call.
    """
    with database_errors(engine), engine.begin() as connection:
        write_alone(connection)
        with joined(engine, connection) as servers:
            sweep(servers)
        with transactions(engine, connection, encoder) as sites:
            held = [_counted(site) for site in sites]
    if not held:
        return
    indexes = [index for index, _ in held if index is not None]
    if all(total <= plan.EXACT_ROWS // 2 for _, total in held) and indexes:
        drop_index(engine, encoder)
    elif any(_outgrown(index, total) for index, total in held):
        kind = indexes[0].kind if indexes else "full"
        build_index(engine, encoder, kind=kind, progress=progress)
    elif not indexes:
        refresh_centring(engine, encoder)


def refresh_centring(engine: Engine, encoder: str) -> None:
    """Compute mean and null distribution anew, where no index holds on to the old mean."""
    with database_errors(engine), engine.begin() as connection:
        write_alone(connection)
        with transactions(engine, connection, encoder) as sites:
            if not sites or any(site.partition.index is not None for site in sites):
                return
            centring = measured(sites)
            for site in sites:
                with server_errors(site.server):
                    replace_centring(site.connection, site.partition.encoder_id, centring)
                    loaded(site.connection, [site.partition.encoder_id])


def drop_index(engine: Engine, encoder: str) -> None:
    """Do without an index: searches compare with every vector again."""
    with sessions(engine, encoder) as sites:
        for site in sites:
            with server_errors(site.server), site.server.engine.begin() as short:
                gone = VectorIndexRow.encoder_id == site.partition.encoder_id
                short.execute(delete(VectorIndexRow).where(gone))
                loaded(short, [site.partition.encoder_id])
            remove_others(site)
    refresh_centring(engine, encoder)


def _counted(site: Site) -> tuple[VectorIndex | None, int]:
    with server_errors(site.server):
        count_all(site.connection, site.partition)
        loaded(site.connection, [site.partition.encoder_id])
        return site.partition.index, read_counts(site.connection, site.partition).total


def _outgrown(index: VectorIndex | None, total: int) -> bool:
    """Say whether one server needs an index, or a new one."""
    return abs(total - (0 if index is None else index.photos)) > plan.EXACT_ROWS
