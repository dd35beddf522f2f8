"""The places a model chooses among: clusters of the photos that look similar, the likeliest first.

The same 25 km as the candidates that verify pools, so that the model and the verdict speak of the
same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.state import Hit
from geofix.tools.clusters import cluster_at_scales
from geofix.tools.density import density_mode, vote_weights
from geofix.tools.geo import haversine_km


@dataclass(frozen=True, slots=True)
class ShortlistedPlace:
    """One place, by the photos that were taken there."""

    latitude: float
    longitude: float
    photos: tuple[Hit, ...]
    """Most similar first; at least one."""
    spread_km: float
    """From the place's center to the farthest of them."""
    share: float
    """Of all votes."""

    @property
    def best(self) -> Hit:
        """The most similar photo."""
        return self.photos[0]


def shortlist(hits: Sequence[Hit], temperature: float) -> list[ShortlistedPlace]:
    """Return the places of the photos, the one with most votes first.

    Args:
        hits: Similar photos.
        temperature: Of their votes, see `vote_weights`.
    """
    (clusters,) = cluster_at_scales(
        [hit.latitude for hit in hits], [hit.longitude for hit in hits], [PLACE_SCALE_KM]
    )
    weights = vote_weights([hit.similarity for hit in hits], temperature)
    places = []
    for label in dict.fromkeys(clusters.labels.tolist()):
        members = np.flatnonzero(clusters.labels == label)
        places.append(_place([hits[i] for i in members.tolist()], weights[members]))
    return sorted(places, key=lambda place: -place.share)


def _place(hits: Sequence[Hit], weights: NDArray[np.float64]) -> ShortlistedPlace:
    latitudes, longitudes = [hit.latitude for hit in hits], [hit.longitude for hit in hits]
    center = density_mode(latitudes, longitudes, weights, bandwidth_km=PLACE_SCALE_KM)
    apart_km = haversine_km(
        np.asarray(latitudes), np.asarray(longitudes), center.latitude, center.longitude
    )
    return ShortlistedPlace(
        latitude=center.latitude,
        longitude=center.longitude,
        photos=tuple(sorted(hits, key=lambda hit: -hit.similarity)),
        spread_km=float(apart_km.max()),
        share=float(weights.sum()),
    )
