"""What state each encoder's vectors are in: counted, indexed, drifted from their mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select, text

from geofix.db.cell_counts import read_counts
from geofix.db.centring import read_centring
from geofix.db.engine import database_errors
from geofix.db.models import EncoderRow, VectorIndexRow
from geofix.db.partition import Partition, partition_of
from geofix.db.plan import EXACT_ROWS

DRIFTED = 0.05
"""Share of the vectors' spread by which the mean may have moved. Moved by so much towards one kind
of photo, a mean changes 3 % of the nearest 16, 23 % of the most dissimilar (docs/gallery.md)."""

SAMPLE = 20_000
"""Vectors the present mean is estimated from; off by less than one percent of their spread."""


SIZES = text(
    "select pg_table_size(cast(:partition as regclass)), coalesce(sum(pg_relation_size("
    "to_regclass(name))), 0)::bigint from unnest(cast(:names as text[])) as name"
)
CITUS_SIZES = text(
    "select citus_table_size(cast(:partition as regclass)), coalesce(sum(citus_relation_size("
    "to_regclass(name))), 0)::bigint from unnest(cast(:names as text[])) as name"
)
"""Of what its workers hold: on the coordinator the tables are empty."""


@dataclass(frozen=True, slots=True)
class EncoderStatus:
    """The vectors of one encoder."""

    encoder: str
    dimension: int
    photos: int
    centring_version: int | None
    drift: float | None
    """How far the mean moved since it was taken, as a share of the vectors' spread around it."""
    index: str | None
    """`full` or `compact`; none where searches compare with every vector."""
    indexed: int
    """Photos in the index; the rest is compared one by one."""
    built_at: datetime | None
    table_bytes: int
    index_bytes: int
    """Of the vector index alone."""
    mean_missing: bool = False
    """Whether the mean that the index was built with is gone; no search works then."""

    @property
    def advice(self) -> str | None:
        """What to do, where something is to be done."""
        if self.mean_missing:
            return "the mean that the index was built with is missing, searches fail: reindex"
        if self.drift is not None and self.drift > DRIFTED:
            return f"the mean has drifted by {self.drift:.0%} of the vectors' spread: reindex"
        if self.index is not None and self.photos - self.indexed > EXACT_ROWS:
            return f"{self.photos - self.indexed:,} photos came after the index: reindex"
        if self.index is None and self.photos > EXACT_ROWS:
            return "there is no index: searches compare with every vector; reindex"
        return None


def encoder_statuses(engine: Engine) -> list[EncoderStatus]:
    """Return the state of every encoder's vectors, by name."""
    with database_errors(engine), engine.connect() as connection:
        names = connection.execute(select(EncoderRow.name).order_by(EncoderRow.name)).scalars()
        partitions = {name: partition_of(connection, name) for name in names.all()}
        return [
            _status(connection, name, one) for name, one in partitions.items() if one is not None
        ]


def _status(connection: Connection, encoder: str, partition: Partition) -> EncoderStatus:
    index = partition.index
    built = select(VectorIndexRow.built_at).where(VectorIndexRow.encoder_id == partition.encoder_id)
    names = list(index.names) if index else []
    sizes = CITUS_SIZES if partition.distributed else SIZES
    table_bytes, index_bytes = connection.execute(
        sizes, {"partition": partition.table.name, "names": names}
    ).one()
    photos = read_counts(connection, partition).total
    version = partition.centring_version
    centring = None
    if version is not None:
        centring = read_centring(connection, partition.encoder_id, version)
    sample = _sample(connection, partition, photos)
    return EncoderStatus(
        encoder=encoder,
        dimension=partition.dimension,
        photos=photos,
        centring_version=version,
        drift=None if centring is None else _drift(sample, centring.mean),
        index=index.kind if index else None,
        indexed=index.photos if index else 0,
        built_at=connection.execute(built).scalar(),
        table_bytes=table_bytes,
        index_bytes=index_bytes,
        mean_missing=version is not None and centring is None,
    )


def _drift(sample: NDArray[np.float32], in_force: NDArray[np.float32]) -> float | None:
    """Return how far the mean of a sample lies from the mean in force."""
    if not len(sample):
        return None
    spread = float(np.sqrt(((sample - in_force) ** 2).sum(axis=1).mean()))
    return float(np.linalg.norm(sample.mean(axis=0) - in_force)) / spread if spread > 0 else None


def _sample(connection: Connection, partition: Partition, photos: int) -> NDArray[np.float32]:
    rows = connection.execute(
        text(
            "select halfvec_send(embedding) from"
            f" {partition.table.name} tablesample bernoulli (:percent) repeatable (0)"
        ),
        {"percent": min(100.0, 100.0 * SAMPLE / max(1, photos))},
    ).scalars()
    # As pgvector sends them: dimension and nothing in two bytes each, then the numbers.
    numbers = [np.frombuffer(row, dtype=">f2", offset=4) for row in rows]
    return np.array(numbers, dtype=np.float32).reshape(-1, partition.dimension)
