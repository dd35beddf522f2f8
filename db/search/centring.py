"""The mean of one encoder's vectors, and the null distribution of similarities.

The mean is subtracted before vectors are compared (DESIGN.md section 4). Every new mean has a new
version. If there is an index, the mean that it was built with stays in use until the next build.

The null distribution has, for a sample of photos (the probes), the best similarity to any photo
taken far away. A photo whose best similarity is common in this distribution matches nothing.

Vectors are read with binary COPY and parsed by numpy, one block at a time, so that memory does not
grow with the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, delete, func, insert, select

from geofix.db.load.vector_rows import SIGNATURE, driver_of
from geofix.db.search.area import EARTH_RADIUS_KM
from geofix.db.search.partition import Partition, partition_of
from geofix.db.tables import CentringRow, VectorIndexRow

BLOCK_ROWS = 20_000
"""Rows of a block; with 1280 dimensions in float32 it takes 102 MB."""


@dataclass(frozen=True, slots=True)
class VectorBlock:
    """A block of rows of a partition."""

    photo_ids: NDArray[np.int64]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    vectors: NDArray[np.float32]
    """`[n, dimension]`, as they are stored."""


def stream_vectors(connection: Connection, partition: Partition) -> Iterator[VectorBlock]:
    """Yield all rows of a partition, in the order of the table."""
    record = _record(partition.dimension)
    held = bytearray()
    skip = len(SIGNATURE)
    statement = (
        f"copy (select photo_id, latitude, longitude, embedding from {partition.table.name})"
        " to stdout (format binary)"
    )
    driver = driver_of(connection)
    # In a transaction, because nothing else carries a limit to COPY behind a pooler.
    with driver.transaction(), driver.cursor() as cursor:
        cursor.execute("set local statement_timeout = 0")
        with cursor.copy(statement) as copy:
            for data in copy:
                held += data
                if skip:
                    if len(held) < skip:
                        continue
                    del held[:skip]
                    skip = 0
                if len(held) >= BLOCK_ROWS * record.itemsize:
                    rows = len(held) // record.itemsize
                    yield _block(bytes(held[: rows * record.itemsize]), record)
                    del held[: rows * record.itemsize]
    if rows := len(held) // record.itemsize:
        yield _block(bytes(held[: rows * record.itemsize]), record)


def every_block(engine: Engine, encoder: str) -> Iterator[VectorBlock]:
    """Yield all vectors of an encoder, block by block."""
    with engine.connect() as connection:
        partition = partition_of(connection, encoder)
        if partition is not None:
            yield from stream_vectors(connection, partition)


def _record(dimension: int) -> np.dtype[np.void]:
    """Return one row as COPY writes it: every field after its length, a vector after its own."""
    return np.dtype(
        [
            ("fields", ">i2"),
            ("photo_id_length", ">i4"),
            ("photo_id", ">i8"),
            ("latitude_length", ">i4"),
            ("latitude", ">f8"),
            ("longitude_length", ">i4"),
            ("longitude", ">f8"),
            ("embedding_length", ">i4"),
            ("dimension", ">i2"),
            ("unused", ">i2"),
            ("embedding", ">f2", (dimension,)),
        ]
    )


def _block(data: bytes, record: np.dtype[np.void]) -> VectorBlock:
    rows = np.frombuffer(data, record)
    return VectorBlock(
        photo_ids=rows["photo_id"].astype(np.int64),
        latitudes=rows["latitude"].astype(np.float64),
        longitudes=rows["longitude"].astype(np.float64),
        vectors=rows["embedding"].astype(np.float32),
    )


PROBES = 400
"""Number of photos whose best impostor is searched."""

FEWEST_IMPOSTORS = 16
"""Minimum number of probes for a null distribution."""

IMPOSTOR_DISTANCES_KM = (200.0, 25.0, 1.0)
"""Tried in turn: a gallery of one city has no photo 200 km away, but has some 1 km away."""

Floats = NDArray[np.float32]


class Impostors(NamedTuple):
    """The null distribution of similarities."""

    similarities: Floats
    """Best similarity of each probe, ascending."""
    distance_km: float | None
    """Distance from which on a photo counts as far away; none if there are too few such photos."""
    compared: int
    """Median number of far-away photos that a probe was compared with. In a gallery of one city and
    some photos elsewhere, these are only the photos elsewhere."""


class Probes:
    """A sample of the photos that depends only on their ids, taken from a stream of blocks."""

    def __init__(self) -> None:
        """Start with an empty sample."""
        self._keys = np.empty(0, dtype=np.uint64)
        self._vectors: Floats | None = None
        self._places = np.empty((0, 3))

    def offer(self, block: VectorBlock) -> None:
        """Keep the photos whose shuffled ids are the lowest so far."""
        keys = np.concatenate([self._keys, _shuffled(block.photo_ids)])
        vectors = block.vectors
        if self._vectors is not None:
            vectors = np.concatenate([self._vectors, block.vectors])
        places = np.concatenate([self._places, _directions(block)])
        first = np.argsort(keys)[:PROBES]
        self._keys, self._vectors, self._places = keys[first], vectors[first], places[first]

    def impostors(self, blocks: Iterable[VectorBlock], mean: Floats) -> Impostors:
        """Return the best similarities of far-away photos.

        Args:
            blocks: All photos.
            mean: `[dimension]`, subtracted from all of them.
        """
        among = np.zeros((len(IMPOSTOR_DISTANCES_KM), len(self._keys)), dtype=np.int64)
        best = np.full((len(IMPOSTOR_DISTANCES_KM), len(self._keys)), -np.inf, dtype=np.float32)
        if self._vectors is not None:
            probes = unit(self._vectors - mean)
            for block in blocks:
                similarity = unit(block.vectors - mean) @ probes.T
                closeness = _directions(block) @ self._places.T
                for level, far_km in enumerate(IMPOSTOR_DISTANCES_KM):
                    far = closeness < math.cos(far_km / EARTH_RADIUS_KM)
                    reached = np.where(far, similarity, -np.inf).max(axis=0)
                    best[level] = np.maximum(best[level], reached)
                    among[level] += far.sum(axis=0)
        for level, far_km in enumerate(IMPOSTOR_DISTANCES_KM):
            has_any = among[level] > 0
            if has_any.sum() >= FEWEST_IMPOSTORS:
                compared = int(np.median(among[level][has_any]))
                return Impostors(np.sort(best[level][has_any]), far_km, compared)
        return Impostors(np.empty(0, dtype=np.float32), None, 0)


def _shuffled(photo_ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Mix ids so that their order says nothing (the finalizer of splitmix64, Steele 2014)."""
    mixed = photo_ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    shuffled: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return shuffled


def _directions(block: VectorBlock) -> NDArray[np.float64]:
    """Return places as unit vectors `[n, 3]`: their products are cosines of angles."""
    latitude, longitude = np.radians(block.latitudes), np.radians(block.longitudes)
    flat = np.cos(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)


def unit(vectors: Floats) -> Floats:
    """Return vectors `[n, dimension]` at unit length; one of no length stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = vectors / np.maximum(lengths, np.float32(1e-12))
    return scaled


FEWEST_PHOTOS = 16
"""Minimum number of photos for a mean; with fewer, centring would erase most of each vector."""


@dataclass(frozen=True, slots=True)
class Centring:
    """The mean of one encoder's vectors and its null distribution."""

    version: int
    mean: NDArray[np.float32]
    """`[dimension]`, not normalised."""
    photos: int
    """Number of photos that the mean was computed over."""
    impostors: NDArray[np.float32]
    """Ascending best similarities of far-away photos, `[at most PROBES]`."""
    impostor_distance_km: float | None
    compared: int
    """Number of photos among which each impostor was searched."""

    @property
    def temperature(self) -> float | None:
        """How much less similar a photo must be to have 1/e of another's vote.

        Half the way from the median to the 90th percentile of the null distribution, so that it
        follows the encoder's own spread (0.06 for the starter gallery; there, each photo asked of
        the others, 0.03 to 0.1 all place 87 to 89 % within 25 km).
        """
        if self.impostors.size == 0:
            return None
        median, high = np.quantile(self.impostors, [0.5, 0.9])
        return max(0.01, float(high - median) / 2)

    def impostor_share(self, similarity: float, searched: int = 0) -> float | None:
        """Return the share of gallery photos that some far-away photo matches at least this well.

        An empirical p-value, `(1 + #{impostor >= similarity}) / (1 + n)` (Phipson & Smyth 2010);
        none if the gallery has too few far-away photos.

        Args:
            similarity: Similarity of the best photo found.
            searched: Number of photos that the search covered.
        """
        if self.impostors.size == 0:
            return None
        above = self.impostors.size - int(np.searchsorted(self.impostors, similarity, "left"))
        share = (1 + above) / (1 + self.impostors.size)
        # The best of all photos is higher than the best of fewer: where photos came since, as if
        # the impostors had been drawn over and over (Sidak 1967).
        return float(1 - (1 - share) ** max(1.0, searched / self.compared))


def read_centring(connection: Connection, encoder_id: int, version: int) -> Centring | None:
    """Return one version of an encoder's centring; none if it does not exist."""
    found = select(CentringRow.__table__).where(
        CentringRow.encoder_id == encoder_id, CentringRow.version == version
    )
    row = connection.execute(found).first()
    if row is None:
        return None
    return Centring(
        version=row.version,
        mean=np.asarray(row.mean, dtype=np.float32),
        photos=row.photos,
        impostors=np.asarray(row.impostors, dtype=np.float32),
        impostor_distance_km=row.impostor_distance_km,
        compared=row.compared,
    )


def measure(blocks: Callable[[], Iterable[VectorBlock]], version: int) -> Centring | None:
    """Compute mean and null distribution over all photos; none if there are too few.

    Args:
        blocks: Yields all photos each time it is called; it is called twice.
        version: Version of the result.
    """
    probes, photos, total = Probes(), 0, np.zeros(1)
    for block in blocks():
        total = total + block.vectors.sum(axis=0, dtype=np.float64)
        photos += len(block.vectors)
        probes.offer(block)
    if photos < FEWEST_PHOTOS:
        return None
    # As the index will hold it, so that searches along it and past it agree.
    mean = (total / photos).astype(np.float16).astype(np.float32)
    found = probes.impostors(blocks(), mean)
    return Centring(
        version,
        mean,
        photos,
        found.similarities,
        found.distance_km,
        # Never 0: where there are no impostors nothing is divided by it, and the column has to be.
        compared=found.compared or photos,
    )


def measure_partition(connection: Connection, partition: Partition) -> Centring | None:
    """Compute the centring of a partition's current vectors; none if there are too few."""
    version = next_version(connection, partition.encoder_id)
    return measure(lambda: stream_vectors(connection, partition), version)


def next_version(connection: Connection, encoder_id: int) -> int:
    """Return the next unused version of an encoder's centring.

    Versions of indexes count too: the mean of an index can be missing, but its name has the number.
    """
    newest = select(func.max(CentringRow.version)).where(CentringRow.encoder_id == encoder_id)
    indexed = select(func.max(VectorIndexRow.centring_version)).where(
        VectorIndexRow.encoder_id == encoder_id
    )
    both = select(func.greatest(newest.scalar_subquery(), indexed.scalar_subquery()))
    return int(connection.execute(both).scalar() or 0) + 1


def replace_centring(connection: Connection, encoder_id: int, centring: Centring | None) -> None:
    """Replace all versions of an encoder's centring."""
    connection.execute(delete(CentringRow).where(CentringRow.encoder_id == encoder_id))
    if centring is None:
        return
    connection.execute(
        insert(CentringRow).values(
            encoder_id=encoder_id,
            version=centring.version,
            mean=centring.mean.tolist(),
            photos=centring.photos,
            impostors=centring.impostors.tolist(),
            impostor_distance_km=centring.impostor_distance_km,
            compared=centring.compared,
        )
    )
