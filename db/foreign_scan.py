"""One statement over the shards' foreign tables, written so that the shards do the work.

postgres_fdw sends `ORDER BY` and `LIMIT` along where the shard can compute all of the expression,
so distances are written with pgvector's operators and Postgres's own only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    TableClause,
    column,
    literal,
    select,
    table,
    union_all,
)

from geofix.db.closest import LIMIT, Asked, Ranked, closest_first, conditions
from geofix.db.exact_scan import SETTINGS
from geofix.db.foreign_tables import SCHEMA
from geofix.db.likeness import exact_distance, index_distance
from geofix.db.models import EmbeddingRow
from geofix.db.partition import Partition
from geofix.db.search import How


@dataclass(frozen=True, slots=True)
class ForeignPartition(Partition):
    """A shard's partition as a table here."""

    shard: str
    foreign: str

    @property
    def table(self) -> TableClause:
        """The foreign table."""
        return _table(self.foreign)


@lru_cache
def _table(name: str) -> TableClause:
    columns = (column(name, kept.type) for name, kept in EmbeddingRow.__table__.c.items())
    return table(name, *columns, schema=SCHEMA)


@dataclass(frozen=True, slots=True)
class Scan:
    """How one shard is to be searched."""

    partition: ForeignPartition
    how: How

    def selects(self, asked: Asked) -> Iterable[Select[Any]]:
        """Select the closest, each with the shard's name."""
        rows, index = self.partition.table, self.partition.index
        distance = _distance(asked, self.partition)
        # With something added, no index over the distance applies.
        exactly = distance + literal(0.0) if asked.likeness.mean is not None else distance
        closest = (
            select(rows.c.photo_id, distance.label("distance"))
            .where(*conditions(self.partition, asked))
            .order_by(exactly)
            .limit(LIMIT)
        )
        if self.how.way == "exact" or index is None:
            return [self._named(closest)]
        width = self.how.ef_search if index.kind == "compact" else asked.limit
        candidates = (
            closest.where(rows.c.photo_id <= index.upto)
            .order_by(None)
            .order_by(index_distance(rows, self.partition.dimension, index.kind))
            .limit(width)
        )
        parts = [candidates]
        if index.parts > 1:
            # As Postgres reads them in the index: its numbers are bigint.
            rest = rows.c.photo_id % literal(index.parts, BigInteger)
            parts = [
                candidates.where(rest == literal(part, BigInteger)) for part in range(index.parts)
            ]
        return [
            *map(self._named, parts),
            self._named(closest.where(rows.c.photo_id > index.upto)),
        ]

    def _named(self, closest: Select[Any]) -> Select[Any]:
        found = closest.subquery()
        return select(literal(self.partition.shard).label("shard"), found)


def ranked_by_shard(connection: Connection, asked: Asked, scans: list[Scan]) -> dict[str, Ranked]:
    """Return the closest vectors of each shard.

    Args:
        connection: To the server with the photos, in a transaction.
        asked: What.
        scans: How each shard is to be searched.
    """
    statement = union_all(*(one for scan in scans for one in scan.selects(asked)))
    found: dict[str, Ranked] = {scan.how.server: [] for scan in scans}
    # A failure here must not end the transaction, which still has photos to read.
    with connection.begin_nested():
        connection.execute(SETTINGS, {"enable_sort": "on", "enable_seqscan": "on"})
        for shard, photo_id, distance in connection.execute(statement, asked.parameters()):
            if distance is not None:
                found[shard].append((int(photo_id), float(distance)))
    return {shard: closest_first(rows) for shard, rows in found.items()}


def _distance(asked: Asked, partition: ForeignPartition) -> ColumnElement[float]:
    """Write 1 - cosine so that postgres_fdw lets the shard compute it."""
    if asked.likeness.mean is None:
        return exact_distance(partition.table, raw=True)
    return index_distance(partition.table, partition.dimension, "full")
