"""What all vectors of one encoder share, and when a photo resembles nothing in the gallery.

The mean is subtracted before vectors are compared (DESIGN.md section 4). A new mean is a new
version; where there is an index, the version its vectors have subtracted stays in force until the
next index is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, insert, select

from geofix.db.impostors import Probes
from geofix.db.models import CentringRow, VectorIndexRow
from geofix.db.partition import Partition
from geofix.db.vector_stream import Block, stream_vectors

FEWEST_PHOTOS = 16
"""Below this the mean is mostly the photos themselves, and centring would erase them."""


@dataclass(frozen=True, slots=True)
class Centring:
    """The mean of one encoder's vectors and its null distribution."""

    version: int
    mean: NDArray[np.float32]
    """`[dimension]`, not normalised."""
    photos: int
    """How many photos the mean was taken over."""
    impostors: NDArray[np.float32]
    """Ascending best similarities of far-away photos, `[at most PROBES]`."""
    impostor_distance_km: float | None
    compared: int
    """Among how many photos each impostor was looked for."""

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
        """Return the share of photos that some far-away photo resembles at least this much.

        An empirical p-value, `(1 + #{impostor >= similarity}) / (1 + n)` (Phipson & Smyth 2010);
        none where the gallery has no far-away photos to learn it from.

        Args:
            similarity: Of the best photo found.
            searched: Among how many photos it was found.
        """
        if self.impostors.size == 0:
            return None
        above = self.impostors.size - int(np.searchsorted(self.impostors, similarity, "left"))
        share = (1 + above) / (1 + self.impostors.size)
        # The best of all photos is higher than the best of fewer: where photos came since, as if
        # the impostors had been drawn over and over (Sidak 1967).
        return float(1 - (1 - share) ** max(1.0, searched / self.compared))


def read_centring(connection: Connection, encoder_id: int, version: int) -> Centring | None:
    """Return one version of an encoder's centring; none if it is gone."""
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


def measure(blocks: Callable[[], Iterable[Block]], version: int) -> Centring | None:
    """Compute mean and null distribution over all photos; none where there are too few.

    Args:
        blocks: Gives all photos, each time it is called; it is called twice.
        version: What to call the result.
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


def measured(connection: Connection, partition: Partition) -> Centring | None:
    """Compute the centring of all vectors there are now; none where they are too few."""
    version = next_version(connection, partition.encoder_id)
    return measure(lambda: stream_vectors(connection, partition), version)


def next_version(connection: Connection, encoder_id: int) -> int:
    """Return the number that no version of an encoder's centring has yet.

    Nor an index: its mean may be missing, and its name, which holds the number, is taken.
    """
    newest = select(func.max(CentringRow.version)).where(CentringRow.encoder_id == encoder_id)
    indexed = select(func.max(VectorIndexRow.centring_version)).where(
        VectorIndexRow.encoder_id == encoder_id
    )
    both = select(func.greatest(newest.scalar_subquery(), indexed.scalar_subquery()))
    return int(connection.execute(both).scalar() or 0) + 1


def replace_centring(connection: Connection, encoder_id: int, centring: Centring | None) -> None:
    """Put a centring in the place of all versions there are."""
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
