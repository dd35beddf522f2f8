"""Search the shards by one statement over postgres_fdw: a UNION ALL of limited selects.

Postgres asks them one after another, since ordered foreign scans are never asynchronous; each
answers `ORDER BY ... LIMIT` from its own index.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, text
from sqlalchemy import exc as sa_exc

from geofix.db.cell_counts import CellCounts
from geofix.db.closest import Asked
from geofix.db.engine import database_errors
from geofix.db.errors import ShardError
from geofix.db.foreign_scan import ForeignPartition, Scan, ranked_by_shard
from geofix.db.foreign_tables import foreign_table, make_foreign_table
from geofix.db.partition import Partition, partition_of
from geofix.db.plan import LARGEST_EF, plan, widths
from geofix.db.search import How
from geofix.db.servers import Server, server_errors
from geofix.db.shard_search import KnownCounts, Part, Waiting, usable


@dataclass(frozen=True, slots=True)
class Known:
    """What was read of a shard."""

    loads: int
    """State of the vectors, as the server with the photos has it."""
    partition: Partition
    counts: CellCounts


class ForeignSearch:
    """Searches over foreign tables; what it takes is the sum of the shards."""

    def __init__(self, engine: Engine, counts: KnownCounts) -> None:
        """Search from the server with the photos, to which `engine` leads."""
        self._engine = engine
        self._counts = counts
        self._known: dict[tuple[str, str], Known | None] = {}

    def begin(
        self,
        connection: Connection,
        shards: list[Server],
        asked: Asked,
        version: int | None,
        loads: int,
    ) -> Waiting:
        """Prepare the question; it is asked when the answer is waited for.

        Args:
            connection: To the server with the photos.
            shards: Whom.
            asked: What.
            version: Of the mean that is subtracted; none where there is none.
            loads: State of the vectors.
        """
        return lambda: self._search(connection, shards, asked, version, loads)

    def _search(
        self,
        connection: Connection,
        shards: list[Server],
        asked: Asked,
        version: int | None,
        loads: int,
    ) -> tuple[list[Part], dict[str, str]]:
        missing: dict[str, str] = {}
        scans: list[Scan] = []
        for shard in shards:
            try:
                known = self._read(shard, asked, loads)
            except ShardError as error:
                missing[shard.name] = error.reason
                continue
            if known is not None:
                scans.append(self._scan(shard, known, asked, version))
        try:
            found = _found(connection, asked, scans)
        except sa_exc.OperationalError:
            # The statement does not say in a way to rely on which shard failed.
            silent = {shard.name: reason for shard in shards if (reason := _silence(shard))}
            if not silent:
                raise
            there = [shard for shard in shards if shard.name not in silent]
            parts, others = self._search(connection, there, asked, version, loads)
            return parts, silent | others
        return found, missing

    def _read(self, shard: Server, asked: Asked, loads: int) -> Known | None:
        """Return what is known of a shard, read again if vectors came or went; none if empty."""
        key = shard.url, asked.search.encoder
        known = self._known.get(key)
        if known is None or known.loads != loads:
            with server_errors(shard), shard.engine.connect() as connection:
                partition = partition_of(connection, asked.search.encoder)
                if partition is None:
                    return None
                counts = self._counts.of(shard, connection, partition)
                schema = connection.execute(text("select current_schema()")).scalar_one()
            there = f"{schema}.{partition.table.name}"
            with database_errors(self._engine), self._engine.begin() as here:
                for ef_search in set(_widths(partition)):
                    make_foreign_table(here, shard, there, ef_search)
            known = self._known[key] = Known(loads, partition, counts)
        return known

    def _scan(self, shard: Server, known: Known, asked: Asked, version: int | None) -> Scan:
        partition, note = usable(known.partition, version)
        rows = known.counts.covered(asked.gallery_ids, asked.search.areas, asked.search.outside)
        raw = asked.likeness.mean is None
        total = known.counts.total
        chosen = plan(
            partition, rows=rows, total=total, limit=asked.limit, sign=asked.sign, raw=raw
        )
        ef_search = _widths(partition)[0 if asked.sign > 0 else 1]
        name = foreign_table(shard, partition.table.name, ef_search)
        foreign = ForeignPartition(
            partition.encoder_id,
            partition.dimension,
            partition.loads,
            partition.index,
            partition.newest_centring,
            partition.newest_photo,
            partition.sharded,
            shard.name,
            name,
        )
        how = How(shard.name, "exact", rows, note=note)
        if asked.search.exact or chosen.way == "exact" or partition.index is None:
            return Scan(foreign, how)
        return Scan(
            foreign, replace(how, way="index", ef_search=ef_search, index=partition.index.name)
        )


def _widths(partition: Partition) -> tuple[int, int]:
    """Return how wide a view searches of a shard keep, either way; any will do without an index."""
    index = partition.index
    return (LARGEST_EF, LARGEST_EF) if index is None else widths(index)


def _found(connection: Connection, asked: Asked, scans: list[Scan]) -> list[Part]:
    if not scans:
        return []
    ranked = ranked_by_shard(connection, asked, scans)
    short = [
        scan
        for scan in scans
        if scan.how.way == "index"
        and len(ranked[scan.how.server]) < min(asked.limit, scan.how.rows)
    ]
    if short:
        note = "the index gave too few photos; every vector there was compared"
        again = [Scan(one.partition, replace(one.how, way="exact", note=note)) for one in short]
        ranked |= ranked_by_shard(connection, asked, again)
        scans = [next((a for a in again if a.partition is s.partition), s) for s in scans]
    return [(ranked[scan.how.server][: asked.limit], scan.how) for scan in scans]


def _silence(shard: Server) -> str | None:
    """Return why a shard does not answer; none if it does."""
    try:
        with server_errors(shard), shard.engine.connect() as connection:
            connection.execute(text("select 1"))
    except ShardError as error:
        return error.reason
    return None
