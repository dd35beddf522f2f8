"""One encoder's vectors: their table and index, and what was last read of them.

Everything here is what one small query tells; mean and counts are read once and kept until a load,
a removal or a new index changes them.

What a search has to know of a partition first is one small query. Here that query travels with the
search it is for, which goes by what was known; where it tells of something new, the search is made
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Connection, TableClause, bindparam, column, func, select, table

from geofix.db.round_trip import Ahead, send_first, was_dead
from geofix.db.tables import CentringRow, EmbeddingRow, EncoderRow, VectorIndexRow

Kind = Literal["full", "compact"]

CITUS_TABLE, CITUS_PROBE = "pg_dist_partition", "citus_probe"
"""Tables that Citus brings, and that `geofix db distribute` makes."""


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """The index in force over a partition."""

    name: str
    kind: Kind
    centring_version: int
    upto: int
    """Highest photo id in the index; what came later is searched one by one."""
    photos: int
    parts: int = 1
    """Graphs it is made of: part `i` holds the photos whose id leaves `i` when divided by it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its parts in Postgres."""
        return part_names(self.name, self.parts)


def part_names(name: str, parts: int) -> tuple[str, ...]:
    """Return what the parts of an index are called in Postgres."""
    return (name,) if parts == 1 else tuple(f"{name}_{part}" for part in range(parts))


@dataclass(frozen=True, slots=True)
class Partition:
    """The vectors of one encoder."""

    encoder_id: int
    dimension: int
    loads: int
    """Changes with every load and removal."""
    index: VectorIndex | None
    newest_centring: int | None
    newest_photo: int
    """Highest id of a photo that has a vector here."""
    citus: bool = False
    """Whether Citus is in this database."""
    distributed: bool = False
    """Whether it spreads the vectors over several servers, by `geofix db distribute`."""

    @property
    def centring_version(self) -> int | None:
        """Version of the mean in force: the index's, since its vectors have that one subtracted."""
        return self.newest_centring if self.index is None else self.index.centring_version

    @property
    def table(self) -> TableClause:
        """The partition itself, which needs no planning over all partitions."""
        return _table(self.encoder_id)


@lru_cache
def _table(encoder_id: int) -> TableClause:
    columns = (column(name, kept.type) for name, kept in EmbeddingRow.__table__.c.items())
    return table(f"embeddings_{encoder_id:d}", *columns)


# Built once: putting a statement together takes longer than Postgres needs to answer it.
STATE = (
    select(
        EncoderRow.id,
        EncoderRow.dimension,
        EncoderRow.loads,
        EncoderRow.newest,
        select(func.max(CentringRow.version))
        .where(CentringRow.encoder_id == EncoderRow.id)
        .scalar_subquery()
        .label("newest_centring"),
        func.to_regclass(CITUS_TABLE).is_not(None).label("citus"),
        func.to_regclass(CITUS_PROBE).is_not(None).label("distributed"),
        VectorIndexRow.name,
        VectorIndexRow.kind,
        VectorIndexRow.centring_version,
        VectorIndexRow.upto,
        VectorIndexRow.photos,
        VectorIndexRow.parts,
    )
    .outerjoin(VectorIndexRow, VectorIndexRow.encoder_id == EncoderRow.id)
    .where(
        EncoderRow.name == bindparam("encoder"),
        func.to_regclass(func.concat("embeddings_", EncoderRow.id)).is_not(None),
    )
)


def partition_of(connection: Connection, encoder: str) -> Partition | None:
    """Return the partition of an encoder; none where it has no vectors here."""
    return partition_in(connection.execute(STATE, {"encoder": encoder}).all())


def partition_in(rows: Sequence[Sequence[Any]]) -> Partition | None:
    """Return the partition that `STATE` selected; none where it selected none."""
    if not rows:
        return None
    id_, dimension, loads, newest, newest_centring, citus, distributed, *index = rows[0]
    in_force = None if index[0] is None else VectorIndex(*index)
    return Partition(id_, dimension, loads, in_force, newest_centring, newest, citus, distributed)


MOST_REVIVALS = 2
"""A search's own connection and those beside it lie in two pools; each is replaced once."""


class Reading:
    """What one search knows of a partition: search by `partition`, until it `still_holds`."""

    def __init__(self, connection: Connection, encoder: str, known: dict[str, Partition]) -> None:
        """Begin with what is known, if anything is.

        Args:
            connection: Over which the search asks, just opened.
            encoder: Whose vectors.
            known: Partitions by encoder as they were last read; kept up to date.
        """
        self._connection = connection
        self._encoder = encoder
        self._known = known
        self._partition = known.get(encoder)
        self._ahead: Ahead | None = None
        if self._partition is not None:
            self._ahead = Ahead(STATE, {"encoder": encoder})
            send_first(connection, self._ahead)
        self._read = self._partition is not None
        self._revivals = 0

    def partition(self) -> Partition | None:
        """Return what to search by; none where the encoder has no vectors."""
        if not self._read:
            self._keep(partition_of(self._connection, self._encoder))
        return self._partition

    def still_holds(self) -> bool:
        """Say whether the partition was as the search took it to be; if not, search again."""
        if self._ahead is None:
            return True
        # Nothing went along where nothing was asked.
        rows, self._ahead = self._ahead.rows, None
        now = partition_of(self._connection, self._encoder) if rows is None else partition_in(rows)
        if now == self._partition:
            return True
        self._keep(now)
        return False

    def worth_retrying(self, error: Exception) -> bool:
        """Say whether to search again after an error: the partition changed, or a way was dead."""
        dead = was_dead(error)
        if self._ahead is not None:
            self._ahead = None
            self._connection.rollback()
            before = self._partition
            self._keep(partition_of(self._connection, self._encoder))
            return dead or self._partition != before
        if not dead or self._revivals == MOST_REVIVALS:
            return False
        self._revivals += 1
        self._connection.rollback()
        return True

    def _keep(self, partition: Partition | None) -> None:
        self._partition, self._read = partition, True
        if partition is None:
            self._known.pop(self._encoder, None)
        else:
            self._known[self._encoder] = partition
