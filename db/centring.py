"""What all vectors of one encoder share, and the null distribution of likeness.

The mean is subtracted before vectors are compared (DESIGN.md section 4). The null distribution
answers "how alike do photos of unlike places look here?": for a sample of photos, the best
similarity reached by any photo taken far away. A query whose best similarity is common there
resembles nothing in the gallery in particular.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import Connection, delete, func, insert, select

from geofix.db.area import EARTH_RADIUS_KM
from geofix.db.models import CentringRow, EmbeddingRow, EncoderRow, PhotoRow

FEWEST_PHOTOS = 16
"""Below this the mean is mostly the photos themselves, and centring would erase them."""

LARGEST_SAMPLE = 20_000
"""Photos the null distribution is taken over; 20,000 x 1152 in float32 are 92 MB."""

PROBES = 400
"""Photos of the sample whose best impostor is looked up."""

IMPOSTOR_DISTANCES_KM = (200.0, 25.0, 1.0)
"""Tried in turn: a gallery of one city has no photo 200 km away, but has some 1 km away."""


@dataclass(frozen=True, slots=True)
class Centring:
    """The mean of one encoder's vectors and its null distribution."""

    version: int
    mean: NDArray[np.float32]
    """`[dimension]`, not normalised."""
    photos: int
    impostors: NDArray[np.float32]
    """Ascending best similarities of far-away photos, `[at most PROBES]`."""
    impostor_distance_km: float | None

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

    def impostor_share(self, similarity: float) -> float | None:
        """Return the share of photos that some far-away photo resembles at least this much.

        An empirical p-value, `(1 + #{impostor >= similarity}) / (1 + n)` (Phipson & Smyth 2010);
        none where the gallery has no far-away photos to learn it from.
        """
        if self.impostors.size == 0:
            return None
        above = self.impostors.size - int(np.searchsorted(self.impostors, similarity, "left"))
        share = (1 + above) / (1 + self.impostors.size)
        # The best of all photos is higher than the best of a sample of them: as if the sample had
        # been drawn over and over (Sidak 1967). Exact up to LARGEST_SAMPLE photos, a bound beyond.
        return float(1 - (1 - share) ** max(1.0, self.photos / LARGEST_SAMPLE))


def current_centring(connection: Connection, encoder: str) -> Centring | None:
    """Return the newest centring of `encoder`; none where it has too few photos for one."""
    row = connection.execute(
        select(CentringRow.__table__)
        .join(EncoderRow, EncoderRow.id == CentringRow.encoder_id)
        .where(EncoderRow.name == encoder)
        .order_by(CentringRow.version.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return Centring(
        version=row.version,
        mean=np.asarray(row.mean, dtype=np.float32),
        photos=row.photos,
        impostors=np.asarray(row.impostors, dtype=np.float32),
        impostor_distance_km=row.impostor_distance_km,
    )


def refresh_centring(connection: Connection, encoder_id: int) -> None:
    """Compute the mean and the null distribution anew, after photos came or went.

    Replaces the newest version by the next; with fewer than `FEWEST_PHOTOS` there is none, and the
    count of versions begins anew.
    """
    version = connection.execute(
        select(func.coalesce(func.max(CentringRow.version), 0)).where(
            CentringRow.encoder_id == encoder_id
        )
    ).scalar_one()
    connection.execute(delete(CentringRow).where(CentringRow.encoder_id == encoder_id))
    total, vectors, places = _sample(connection, encoder_id)
    if total < FEWEST_PHOTOS:
        return
    mean = connection.execute(
        select(func.avg(EmbeddingRow.embedding, type_=HALFVEC())).where(
            EmbeddingRow.encoder_id == encoder_id
        )
    ).scalar_one()
    mean = np.asarray(mean, dtype=np.float32)
    impostors, distance_km = impostor_similarities(vectors - mean, places)
    connection.execute(
        insert(CentringRow).values(
            encoder_id=encoder_id,
            version=version + 1,
            mean=mean.tolist(),
            photos=total,
            impostors=impostors.tolist(),
            impostor_distance_km=distance_km,
        )
    )


def _sample(
    connection: Connection, encoder_id: int
) -> tuple[int, NDArray[np.float32], NDArray[np.float64]]:
    ours = EmbeddingRow.encoder_id == encoder_id
    total = connection.execute(
        select(func.count()).select_from(EmbeddingRow).where(ours)
    ).scalar_one()
    # md5 of the id is a shuffle that stays the same, so the same gallery gives the same figures.
    rows = connection.execute(
        select(func.halfvec_send(EmbeddingRow.embedding), PhotoRow.latitude, PhotoRow.longitude)
        .join(PhotoRow, PhotoRow.id == EmbeddingRow.photo_id)
        .where(ours)
        .order_by(func.md5(func.concat(PhotoRow.source, PhotoRow.external_id)), PhotoRow.id)
        .limit(LARGEST_SAMPLE)
    ).all()
    # As pgvector sends them: dimension and nothing in two bytes each, then the numbers. Reading
    # them from text took 9 of 12 s (20,000 x 1280).
    numbers = [np.frombuffer(row[0], dtype=">f2", offset=4) for row in rows]
    vectors = np.array(numbers, dtype=np.float32)
    places = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 2)
    return int(total), vectors, places


def impostor_similarities(
    centred: NDArray[np.float32], places: NDArray[np.float64]
) -> tuple[NDArray[np.float32], float | None]:
    """Return the ascending best similarities of far-away photos, and how far "far away" was.

    Args:
        centred: `[n, dimension]`, the mean subtracted.
        places: `[n, 2]`, latitude and longitude in degrees.
    """
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = centred / np.maximum(norms, 1e-12)
    similarity = unit[:PROBES] @ unit.T
    distance = _distances_km(places[:PROBES], places)
    for far_km in IMPOSTOR_DISTANCES_KM:
        best: NDArray[Any] = np.where(distance > far_km, similarity, -np.inf).max(axis=1)
        best = np.sort(best[np.isfinite(best)])
        if best.size >= FEWEST_PHOTOS:
            return best.astype(np.float32), far_km
    return np.empty(0, dtype=np.float32), None


def _distances_km(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    latitude_a, longitude_a = np.radians(a).T[:, :, None]
    latitude_b, longitude_b = np.radians(b).T[:, None, :]
    chord = (
        np.sin((latitude_b - latitude_a) / 2) ** 2
        + np.cos(latitude_a) * np.cos(latitude_b) * np.sin((longitude_b - longitude_a) / 2) ** 2
    )
    distance_km: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(chord.clip(0, 1)))
    return distance_km
