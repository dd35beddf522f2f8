"""All that one round knows of the photo, and which of it lies around each candidate.

A round may have 200 photos and as many candidates: distances are computed for all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.agent.state import Candidate, Draft, Hit, Retrieval
from geofix.agent.verify.candidates import PooledPlace
from geofix.tools.geo.distance import are_within, distances_km
from geofix.tools.geometry import GeometricMatch
from geofix.tools.once import once_property
from geofix.tools.statistics import PLACE_KM

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

Density = Callable[[FloatArray, FloatArray], NDArray[np.int64]]
"""Gallery photos within 25 km of each of some latitudes and longitudes, `[c]`."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the evidence is computed from; pure data, so that a choice can be repeated."""

    retrieval: Retrieval
    drafts: Sequence[Draft] = ()
    """Drafts of models that count in this round; the consensus is made of the photos."""
    before: Sequence[Candidate] = ()
    """The candidates of the round before."""
    matches: Mapping[int, GeometricMatch] = field(default_factory=dict)
    """Geometric verification of the hits whose pictures were compared, by `photo_id`."""
    density: Density | None = None
    """None where photos were not counted."""
    photos_in_gallery: int | None = None
    """Counted together with `density`."""
    place_similarity: Callable[[Sequence[tuple[float, float]]], Sequence[float]] | None = None
    """An image-place model's similarity of the photo to places, -1 to 1; none where there is no
    such model."""
    image_place: Mapping[tuple[float, float], float] = field(default_factory=dict)
    """The same of the candidates, by their coordinates."""
    scene: str | None = None
    """What the photo shows, see `geofix.tools.scene.classify`."""
    claimed: tuple[float, float] | None = None
    """The place somebody says it was taken at."""

    def compared_with(self, candidates: Sequence[Candidate]) -> Observed:
        """Return the same and, where there is an image-place model, what it says of candidates."""
        if self.place_similarity is None:
            return self
        points = [(candidate.latitude, candidate.longitude) for candidate in candidates]
        found = dict(zip(points, self.place_similarity(points), strict=True))
        return replace(self, image_place={**self.image_place, **found})

    @property
    def negatives(self) -> Sequence[Hit]:
        """The dissimilar photos; only they are evidence against where they were taken."""
        return self.retrieval.negatives if self.retrieval.negatives_by == "dissimilar" else ()


def counted_at(points: Sequence[tuple[float, float]], counts: Sequence[int]) -> Density:
    """Return the count of the nearest point counted around, 0 where none is within 25 km.

    Args:
        points: Latitude and longitude of each.
        counts: Photos around each.
    """
    found = np.array(counts, dtype=np.int64)
    table = np.array(points, dtype=np.float64).reshape(-1, 2)

    def density(latitudes: FloatArray, longitudes: FloatArray) -> NDArray[np.int64]:
        if not len(found):
            return np.zeros(len(latitudes), dtype=np.int64)
        apart = distances_km(latitudes, longitudes, table[:, 0], table[:, 1])
        return np.where(apart.min(axis=1) <= PLACE_KM, found[apart.argmin(axis=1)], 0)

    return density


class Places:
    """The candidates of a round and what lies around each; each thing computed once, if asked."""

    def __init__(self, pooled: Sequence[PooledPlace], observed: Observed) -> None:
        """Look around places.

        Args:
            pooled: `c` of them.
            observed: What the round knows, with `n` positives.
        """
        self.pooled = pooled
        self._observed = observed
        self.latitude, self.longitude = _coordinates([place.candidate for place in pooled])

    def around(self, latitudes: ArrayLike, longitudes: ArrayLike, radius_km: float) -> BoolArray:
        """Return which of `m` points lie within a radius of each candidate, `[c, m]`."""
        return are_within(self.latitude, self.longitude, latitudes, longitudes, radius_km)

    def within(self, others: Sequence[Candidate] | Sequence[Hit], radius_km: float) -> BoolArray:
        """Return which of some photos or candidates lie within a radius of each, `[c, m]`."""
        return self.around(*_coordinates(others), radius_km)

    def each(self, value: Callable[[PooledPlace], float]) -> FloatArray:
        """Return a number of each place as it was pooled, `[c]`."""
        return np.array([value(place) for place in self.pooled], dtype=np.float64)

    def all(self, value: float) -> FloatArray:
        """Return what is the same for all candidates, `[c]`."""
        return np.full(len(self.pooled), value)

    @once_property
    def near(self) -> BoolArray:
        """Which positives lie within 25 km of each, `[c, n]`."""
        return self.within(self._observed.retrieval.positives, PLACE_KM)

    @once_property
    def similarity(self) -> FloatArray:
        """Similarity of each positive, `[n]`."""
        return np.array([hit.similarity for hit in self._observed.retrieval.positives])

    @once_property
    def density(self) -> FloatArray | None:
        """Gallery photos within 25 km of each, `[c]`; none where nobody counted."""
        if self._observed.density is None:
            return None
        return self._observed.density(self.latitude, self.longitude).astype(np.float64)


def near(candidate: Candidate, hits: Sequence[Hit], radius_km: float = PLACE_KM) -> list[Hit]:
    """Return the photos within a radius of the candidate, in the order they came."""
    if not hits:
        return []
    (there,) = are_within(
        [candidate.latitude], [candidate.longitude], *_coordinates(hits), radius_km
    )
    return [hits[at] for at in np.flatnonzero(there).tolist()]


def best_of(values: FloatArray, among: BoolArray) -> FloatArray:
    """Return the largest value among those marked in each row, `[c]`; -inf where none is marked.

    Args:
        values: `[n]`.
        among: `[c, n]`.
    """
    best: FloatArray = np.where(among, values, -np.inf).max(axis=1, initial=-np.inf)
    return best


def _coordinates(
    places: Sequence[Candidate] | Sequence[Hit],
) -> tuple[FloatArray, FloatArray]:
    return (
        np.array([place.latitude for place in places], dtype=np.float64),
        np.array([place.longitude for place in places], dtype=np.float64),
    )
