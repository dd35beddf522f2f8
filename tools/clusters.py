"""Clusters of geotagged photos at the scales the field reports: street to continent.

At each scale, photos chained by steps of at most that scale are one cluster: DBSCAN without a
minimum size. Single photos count, since one true neighbour can be all there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.tools.geo import distances_km
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
    return clusters_of(distances_km(latitudes, longitudes, latitudes, longitudes), scales_km)


def clusters_of(
    apart_km: NDArray[np.float64], scales_km: Sequence[float] = SCALES_KM
) -> list[ScaleClusters]:
    """Return the clusters at each scale, as `cluster_at_scales`, from distances.

    Args:
        apart_km: From each photo to each, `[n, n]`.
        scales_km: Largest step within a cluster, per scale.
    """
    # Half a second that `--help` need not pay. Not scikit-learn's DBSCAN: it swaps the warning
    # filters of the whole process, which questions asked at once then lose.
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    if not len(apart_km):
        return [ScaleClusters(scale, np.empty(0, dtype=np.int64)) for scale in scales_km]
    return [
        ScaleClusters(
            scale, connected_components(apart_km <= scale, directed=False)[1].astype(np.int64)
        )
        for scale in scales_km
    ]
