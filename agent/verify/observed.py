"""All that one round knows of the photo, and which of it lies around each candidate.

A round may have 200 photos and as many candidates: distances are computed for all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.agent.state import Candidate, Draft, Hit, Retrieval
from geofix.agent.verify.candidates import PLACE_SCALE_KM
from geofix.tools.geo.distance import are_within
from geofix.tools.geometry import GeometricMatch
from geofix.tools.once import once_property

Density = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.int64]]
"""Gallery photos within 25 km of each of some latitudes and longitudes, `[c]`."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the evidence is computed from; pure data, so that a choice can be repeated."""

    retrieval: Retrieval
    drafts: Sequence[Draft] = ()
    """Of models, those that count in this round; the consensus is made of the photos."""
    before: Sequence[Candidate] = ()
    """The candidates of the round before."""
    matches: Mapping[int, GeometricMatch] = field(default_factory=dict)
    """Geometric verification of the hits whose pictures were compared, by `photo_id`."""
    density: Density | None = None
    """None where nobody counted."""
    photos_in_gallery: int | None = None
    """Together with `density`."""
    likeness: Callable[[Sequence[tuple[float, float]]], Sequence[float]] | None = None
    """An image-place model's similarity of the photo to places, -1 to 1; none where there is no
    such model."""
    image_place: Mapping[tuple[float, float], float] = field(default_factory=dict)
    """The same of the candidates, by their coordinates."""
    scene: str | None = None
    """What the photo shows, see `geofix.tools.scene.classify`."""
    claimed: tuple[float, float] | None = None
    """The place somebody says it was taken at."""

    @property
    def negatives(self) -> Sequence[Hit]:
        """The photos that look otherwise; only they speak against where they were taken."""
        return self.retrieval.negatives if self.retrieval.negatives_by == "dissimilar" else ()


FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Places:
    """The candidates of a round and what lies around each; each thing computed once, if asked."""

    def __init__(self, candidates: Sequence[Candidate], observed: Observed) -> None:
        """Look around candidates.

        Args:
            candidates: As pooled, `c` of them.
            observed: What the round knows, with `n` positives.
        """
        self.candidates = candidates
        self._observed = observed
        self.latitude, self.longitude = _coordinates(candidates)

    def around(self, latitudes: ArrayLike, longitudes: ArrayLike, radius_km: float) -> BoolArray:
        """Return which of `m` points lie within a radius of each candidate, `[c, m]`."""
        return are_within(self.latitude, self.longitude, latitudes, longitudes, radius_km)

    def within(self, others: Sequence[Candidate] | Sequence[Hit], radius_km: float) -> BoolArray:
        """Return which of some photos or candidates lie within a radius of each, `[c, m]`."""
        return self.around(*_coordinates(others), radius_km)

    def part(self, name: str) -> FloatArray:
        """Return what each candidate was pooled with under a name, `[c]`; 0 where nothing was."""
        return np.array([candidate.parts.get(name, 0.0) for candidate in self.candidates])

    def all(self, value: float) -> FloatArray:
        """Return what is the same for all candidates, `[c]`."""
        return np.full(len(self.candidates), value)

    @once_property
    def near(self) -> BoolArray:
        """Which positives lie within 25 km of each, `[c, n]`."""
        return self.within(self._observed.retrieval.positives, PLACE_SCALE_KM)

    @once_property
    def similarity(self) -> FloatArray:
        """Of the positives, `[n]`."""
        return np.array([hit.similarity for hit in self._observed.retrieval.positives])

    @once_property
    def density(self) -> FloatArray | None:
        """Gallery photos within 25 km of each, `[c]`; none where nobody counted."""
        if self._observed.density is None:
            return None
        return self._observed.density(self.latitude, self.longitude).astype(np.float64)


def near(candidate: Candidate, hits: Sequence[Hit], radius_km: float = PLACE_SCALE_KM) -> list[Hit]:
    """Return the photos within a radius of the candidate, in the order they came."""
    if not hits:
        return []
    (there,) = are_within(
        [candidate.latitude], [candidate.longitude], *_coordinates(hits), radius_km
    )
    return [hits[at] for at in np.flatnonzero(there).tolist()]


def witnesses(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts with a place that do not only repeat what they were shown."""
    return [draft for draft in drafts if draft.latitude is not None and draft.copied_from is None]


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
