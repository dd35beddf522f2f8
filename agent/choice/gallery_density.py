"""How many photos the gallery has at a place: a sparse place must not lose for its sparseness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.choice.nearby import FloatArray, Places
from geofix.agent.choice.observed import Density, Observed
from geofix.tools.geo import distances_km

_FLOOR = 1e-3
"""Votes below this share are taken for this one: the logarithm of nothing is not a number."""

WIDEST = 4.0
"""Powers of ten to either side."""


def photos_there(places: Places, observed: Observed) -> FloatArray:
    """Return the decimal logarithm of one plus the photos within 25 km, 0 to 9; 0 if unknown."""
    if places.density is None:
        return places.all(0.0)
    return np.minimum(9.0, np.log10(1 + places.density))


def votes_over_density(places: Places, observed: Observed) -> FloatArray:
    """Return how much more votes a place has than its share of the gallery would give, -4 to 4.

    In powers of ten; 0 where the gallery's density is not known, and without a photo there.
    """
    if places.density is None or not observed.photos_in_gallery:
        return places.all(0.0)
    photos = np.array([candidate.photos for candidate in places.candidates])
    there = np.maximum(1, np.maximum(photos, places.density))
    expected = np.minimum(1.0, there / observed.photos_in_gallery)
    votes = np.maximum(_FLOOR, places.part("share_25_km"))
    times = np.clip(np.log10(votes / expected), -WIDEST, WIDEST)
    return np.where(photos > 0, times, 0.0)


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
        return np.where(apart.min(axis=1) <= PLACE_SCALE_KM, found[apart.argmin(axis=1)], 0)

    return density
