"""The state of each encoder's vectors, and the measured recall of its index.

The exact answer is computed here from the stored vectors, not by Postgres, so that errors in the
search itself show too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select, text

from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.search.centring import VectorBlock, every_block, read_centring, unit
from geofix.db.search.counts import read_counts
from geofix.db.search.gallery import Gallery
from geofix.db.search.partition import Partition, partition_of
from geofix.db.search.plan import EXACT_ROWS
from geofix.db.search.query import Search
from geofix.db.tables import EncoderRow, VectorIndexRow

DRIFTED = 0.05
"""Share of the vectors' spread by which the mean may move before a rebuild is advised. A move this
large towards one kind of photo changes 3 % of the nearest 16 and 23 % of the most dissimilar
(docs/gallery.md)."""

DRIFT_SAMPLE = 20_000
"""Number of vectors that the current mean is estimated from; the error is below 1 % of their
spread."""


SIZES = text(
    "select pg_table_size(cast(:partition as regclass)), coalesce(sum(pg_relation_size("
    "to_regclass(name))), 0)::bigint from unnest(cast(:names as text[])) as name"
)
CITUS_SIZES = text(
    "select citus_table_size(cast(:partition as regclass)), coalesce(sum(citus_relation_size("
    "to_regclass(name))), 0)::bigint from unnest(cast(:names as text[])) as name"
)
"""Sizes on the workers; the tables on the coordinator are empty."""


@dataclass(frozen=True, slots=True)
class EncoderStatus:
    """The vectors of one encoder."""

    encoder: str
    dimension: int
    photos: int
    centring_version: int | None
    drift: float | None
    """How far the mean has moved since it was computed, as a share of the vectors' spread."""
    index: str | None
    """`full` or `compact`; none if searches compare with every vector."""
    indexed: int
    """Number of photos in the index; searches compare with the others one by one."""
    built_at: datetime | None
    table_bytes: int
    index_bytes: int
    """Size of the vector index without the table."""
    mean_missing: bool = False
    """Whether the mean that the index was built with is missing; all searches fail then."""

    @property
    def advice(self) -> str | None:
        """What to do; none if there is nothing to do."""
        if self.mean_missing:
            return (
                "searches fail, because the mean that the index was built with is missing; reindex"
            )
        if self.drift is not None and self.drift > DRIFTED:
            return f"the mean has drifted by {self.drift:.0%} of the vectors' spread; reindex"
        if self.index is not None and self.photos - self.indexed > EXACT_ROWS:
            return (
                f"{self.photos - self.indexed:,} photos were added since the index was"
                " built; reindex"
            )
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
        {"percent": min(100.0, 100.0 * DRIFT_SAMPLE / max(1, photos))},
    ).scalars()
    # As pgvector sends them: dimension and nothing in two bytes each, then the numbers.
    numbers = [np.frombuffer(row, dtype=">f2", offset=4) for row in rows]
    return np.array(numbers, dtype=np.float32).reshape(-1, partition.dimension)


TIE = 1e-4
"""Similarities closer than this count as equal, because vectors are stored in half precision."""

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recall:
    """The measured recall of searches in one direction."""

    direction: str
    """`nearest` or `most dissimilar`."""
    recall: float
    """Mean share of the exact answer that searches found."""
    worst: float
    """Share that the worst search found."""
    median_ms: float
    p95_ms: float
    way: str
    """`index`, `exact`, or both where searches differed."""


def check_recall(
    engine: Engine, encoder: str, *, queries: int = 100, k: int = 16, seed: int = 0
) -> list[Recall]:
    """Measure the recall of searches for similar and for dissimilar photos.

    Args:
        engine: To the gallery.
        encoder: Name of the encoder whose vectors are searched.
        queries: Number of gallery photos to search for.
        k: Number of photos that each search returns.
        seed: Seed of the random choice of photos.

    Raises:
        GalleryError: The encoder has no vectors.
    """
    gallery = Gallery(engine)
    with database_errors(engine):
        asked, ids = _sample_of_photos(every_block(engine, encoder), queries, seed)
        if not len(asked):
            raise GalleryError(f"there are no vectors of encoder {encoder!r} to search for")
        copies = _copies(engine, ids)
        centring = gallery.centring(encoder)
        mean = np.zeros(asked.shape[1], np.float32) if centring is None else centring.mean
        probes = unit(asked - mean)
        truth = _Best(len(probes), k)
        for block in every_block(engine, encoder):
            vectors = block.vectors[~np.isin(block.photo_ids, copies)]
            truth.offer(unit(vectors - mean) @ probes.T)
    return [_direction(gallery, encoder, asked, k, sign, truth) for sign in (1.0, -1.0)]


class _Best:
    """The k-th best similarity of each query, both ways."""

    def __init__(self, queries: int, k: int) -> None:
        self._k = k
        self._most = np.full((0, queries), -np.inf, dtype=np.float32)
        self._least = np.full((0, queries), np.inf, dtype=np.float32)

    def offer(self, similarities: Floats) -> None:
        self._most = -np.sort(-np.concatenate([self._most, similarities]), axis=0)[: self._k]
        self._least = np.sort(np.concatenate([self._least, similarities]), axis=0)[: self._k]

    def bound(self, sign: float) -> tuple[Floats, int]:
        """Return the similarity of the last photo of each exact answer, and their length."""
        kept = self._most if sign > 0 else self._least
        return kept[-1], len(kept)


def _direction(
    gallery: Gallery, encoder: str, asked: Floats, k: int, sign: float, truth: _Best
) -> Recall:
    search = Search(encoder=encoder)
    bounds, wanted = truth.bound(sign)
    shares, times, ways = [], [], set()
    for query, bound in zip(asked, bounds, strict=True):
        began = time.perf_counter()
        found = (gallery.nearest if sign > 0 else gallery.most_dissimilar)(query, k, search)
        times.append((time.perf_counter() - began) * 1000)
        ways |= {how.way for how in found.how}
        reached = [sign * hit.similarity >= sign * float(bound) - TIE for hit in found]
        shares.append(sum(reached) / wanted)
    return Recall(
        direction="nearest" if sign > 0 else "most dissimilar",
        recall=float(np.mean(shares)),
        worst=float(np.min(shares)),
        median_ms=float(np.median(times)),
        p95_ms=float(np.percentile(times, 95)),
        way=" and ".join(sorted(ways)),
    )


def _sample_of_photos(blocks: Iterator[VectorBlock], queries: int, seed: int) -> tuple[Floats, Ids]:
    """Return the vectors of a random sample of photos, and the ids of all, in one pass."""
    random = np.random.default_rng(seed)
    keys, kept = np.empty(0), None
    ids = [np.empty(0, np.int64)]
    for block in blocks:
        ids.append(block.photo_ids)
        keys = np.concatenate([keys, random.random(len(block.vectors))])
        vectors = block.vectors if kept is None else np.concatenate([kept, block.vectors])
        first = np.argsort(keys)[:queries]
        keys, kept = keys[first], vectors[first]
    return np.empty((0, 0), np.float32) if kept is None else kept, np.concatenate(ids)


def _copies(engine: Engine, ids: Ids) -> Ids:
    """Return those whose picture a lower id shows too: a search finds each picture once."""
    statement = text(
        "select sha256, id from photos where sha256 in (select sha256 from photos"
        " where sha256 is not null group by sha256 having count(*) > 1) order by id"
    )
    with engine.connect() as connection:
        connection.execute(text("set local statement_timeout = 0"))
        rows = connection.execute(statement).all()
    there = np.isin(np.array([row.id for row in rows], dtype=np.int64), ids)
    seen: set[str] = set()
    copies = []
    for (sha256, photo_id), held in zip(rows, there, strict=True):
        if held and sha256 in seen:
            copies.append(photo_id)
        elif held:
            seen.add(sha256)
    return np.array(copies, dtype=np.int64)
