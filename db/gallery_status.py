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
from geofix.db.errors import ShardError
from geofix.db.models import EncoderRow, VectorIndexRow
from geofix.db.partition import Partition, partition_of
from geofix.db.plan import EXACT_ROWS
from geofix.db.redaction import redact
from geofix.db.servers import asked_of_each, servers_of

DRIFTED = 0.05
"""Share of the vectors' spread by which the mean may have moved. Moved by so much towards one kind
of photo, a mean changes 3 % of the nearest 16, 23 % of the most dissimilar (docs/gallery.md)."""

SAMPLE = 20_000
"""Vectors the present mean is estimated from; off by less than one percent of their spread."""


@dataclass(frozen=True, slots=True)
class EncoderStatus:
    """The vectors of one encoder, of all servers together."""

    encoder: str
    dimension: int
    photos: int
    centring_version: int | None
    drift: float | None
    """How far the mean moved since it was taken, as a share of the vectors' spread around it."""
    servers: tuple[str, ...]
    """That hold some: `here`, and the shards' names."""
    index: str | None
    """`full` or `compact`; none where searches compare with every vector."""
    indexed: int
    """Photos in the index; the rest is compared one by one."""
    built_at: datetime | None
    table_bytes: int
    index_bytes: int
    """Of the vector index alone."""
    missing: tuple[str, ...] = ()
    """Shards that did not answer, with the reason; what they hold is not counted."""
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


@dataclass(frozen=True, slots=True)
class _Held:
    """What one server holds of an encoder's vectors."""

    partition: Partition
    photos: int
    built_at: datetime | None
    table_bytes: int
    index_bytes: int
    mean: NDArray[np.floating]
    """Of a sample."""
    moved: float
    """Mean squared distance of the sample from the mean in force; NaN where there is none."""
    in_force: NDArray[np.float32] | None


def encoder_statuses(engine: Engine) -> list[EncoderStatus]:
    """Return the state of every encoder's vectors, by name, on the servers that answer.

    Raises:
        ShardError: No vectors are known on those, and a shard does not answer.
    """
    with database_errors(engine), engine.connect() as connection:
        servers = servers_of(engine, connection)
    answers, missing = asked_of_each(servers, _held_there)
    held: dict[str, dict[str, _Held]] = {}
    for where, encoders in answers.items():
        for name, one in encoders.items():
            held.setdefault(name, {})[where] = one
    silent = [server for server in servers if server.name in missing]
    if silent and not held:
        raise ShardError(silent[0].name, redact(silent[0].url), missing[silent[0].name])
    return [_together(name, held[name], missing) for name in sorted(held)]


def _held_there(connection: Connection) -> dict[str, _Held]:
    """Return what one server holds, by encoder."""
    names = connection.execute(select(EncoderRow.name)).scalars().all()
    partitions = {name: partition_of(connection, name) for name in names}
    return {name: _held(connection, one) for name, one in partitions.items() if one is not None}


def _together(encoder: str, by_server: dict[str, _Held], missing: dict[str, str]) -> EncoderStatus:
    held = list(by_server.values())
    first = held[0].partition
    kinds = {one.partition.index.kind for one in held if one.partition.index is not None}
    return EncoderStatus(
        encoder=encoder,
        dimension=first.dimension,
        photos=sum(one.photos for one in held),
        centring_version=first.centring_version,
        drift=_drift(held),
        servers=tuple(by_server),
        index=" and ".join(sorted(kinds)) or None,
        indexed=sum(one.partition.index.photos for one in held if one.partition.index),
        built_at=max((one.built_at for one in held if one.built_at), default=None),
        table_bytes=sum(one.table_bytes for one in held),
        index_bytes=sum(one.index_bytes for one in held),
        missing=tuple(f"{name}: {reason}" for name, reason in missing.items()),
        mean_missing=first.centring_version is not None and held[0].in_force is None,
    )


def _held(connection: Connection, partition: Partition) -> _Held:
    index = partition.index
    built = select(VectorIndexRow.built_at).where(VectorIndexRow.encoder_id == partition.encoder_id)
    names = list(index.names) if index else []
    sizes = text(
        "select pg_table_size(cast(:partition as regclass)), coalesce(sum(pg_relation_size("
        "to_regclass(name))), 0)::bigint from unnest(cast(:names as text[])) as name"
    ).bindparams(partition=partition.table.name, names=names)
    table_bytes, index_bytes = connection.execute(sizes).one()
    photos = read_counts(connection, partition).total
    version = partition.centring_version
    centring = version and read_centring(connection, partition.encoder_id, version)
    sample = _sample(connection, partition, photos)
    away = sample - (centring.mean if centring else np.nan)
    return _Held(
        partition=partition,
        photos=photos,
        built_at=connection.execute(built).scalar(),
        table_bytes=table_bytes,
        index_bytes=index_bytes,
        mean=sample.mean(axis=0) if len(sample) else np.zeros(partition.dimension),
        moved=float((away**2).sum(axis=1).mean()) if len(sample) else 0.0,
        in_force=centring.mean if centring else None,
    )


def _drift(held: list[_Held]) -> float | None:
    """Return how far the mean of all servers' samples lies from the mean in force."""
    in_force = held[0].in_force
    photos = np.array([one.photos for one in held], dtype=np.float64)
    if in_force is None or not photos.sum():
        return None
    shares = photos / photos.sum()
    mean = sum(share * one.mean for share, one in zip(shares, held, strict=True))
    spread = float(np.sqrt(sum(share * one.moved for share, one in zip(shares, held, strict=True))))
    return float(np.linalg.norm(mean - in_force)) / spread if spread > 0 else None


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
