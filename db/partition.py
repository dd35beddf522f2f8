"""One encoder's vectors: their table, the index over them, and how they are counted.

Everything here is what one small query tells; mean and counts are read once and kept until a load,
a removal or a new index changes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Connection, TableClause, bindparam, column, func, select, table

from geofix.db.models import CentringRow, EmbeddingRow, EncoderRow, VectorIndexRow

Kind = Literal["full", "compact"]

CITUS, PROBE = "pg_dist_partition", "citus_probe"
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
        func.to_regclass(CITUS).is_not(None).label("citus"),
        func.to_regclass(PROBE).is_not(None).label("distributed"),
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
