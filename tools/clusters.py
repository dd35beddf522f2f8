"""Clusters of geotagged photos at the scales the field reports: street to continent.

DBSCAN with the haversine metric and no minimum size: at each scale, photos chained by steps of at
most that scale are one cluster. Single photos count, since one true neighbour can be all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.tools.geo import EARTH_RADIUS_KM
from geofix.tools.levels import SCALES

SCALES_KM = tuple(SCALES.values())
"""Street, city, region, country, continent: the radii of IM2GPS's accuracies."""

LOOKS_KM = (0.1, *SCALES_KM)
"""How closely votes are counted and looked at: down to one corner of a street."""


@dataclass(frozen=True, slots=True)
class ScaleClusters:
    """Which photos belong together at one scale."""

    scale_km: float
    labels: NDArray[np.int64]
    """Cluster of each photo, `[n]`, from 0 on."""

    def members(self, index: int) -> NDArray[np.intp]:
        """Return the indices of the photos in the cluster of photo `index`."""
        return np.flatnonzero(self.labels == self.labels[index])


def cluster_at_scales(
    latitudes: Sequence[float],
    longitudes: Sequence[float],
    scales_km: Sequence[float] = SCALES_KM,
) -> list[ScaleClusters]:
    """Return the clusters of the photos at each scale, finest first.

    Args:
        latitudes: Degrees, `[n]`; none gives clusters of nothing.
        longitudes: Degrees, `[n]`.
        scales_km: Largest step within a cluster, per scale.
    """
    from sklearn.cluster import DBSCAN  # noqa: PLC0415 - one second that `--help` need not pay

    points = np.radians(np.column_stack([latitudes, longitudes]).reshape(-1, 2))
    if len(points) == 0:
        return [ScaleClusters(scale, np.empty(0, dtype=np.int64)) for scale in scales_km]
    return [
        ScaleClusters(
            scale,
            DBSCAN(eps=scale / EARTH_RADIUS_KM, min_samples=1, metric="haversine")
            .fit(points)
            .labels_.astype(np.int64),
        )
        for scale in scales_km
    ]
