"""Clusters and kernel density of geotagged photos on the sphere.

At each scale, photos chained by steps of at most that scale are one cluster: DBSCAN without a
minimum size. Single photos count, since one true neighbour can be all there is.

The k nearest photos vote for their places, each with a Gaussian of the great-circle distance; the
place with the highest density is the estimate. Where Vo et al. weight a vote by a power of its
similarity, we use a softmax of it, because centred similarities may be negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.tools.geo.distance import distances_km, spherical_mean
from geofix.tools.statistics import SCALES_KM

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
    return [ScaleClusters(scale, _components(apart_km <= scale)) for scale in scales_km]


def _components(linked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the component of each node, `[n]`, from 0 on, by their first nodes.

    Here rather than by scipy, whose import takes a third of a second. scikit-learn's DBSCAN swaps
    the warning filters of the whole process, which questions asked at once then lose.

    Args:
        linked: Whether two nodes are, `[n, n]`, in either order; a node is linked to itself.
    """
    nodes = len(linked)
    linked = linked | linked.T
    # The first node that each node is known to be joined to.
    first = np.arange(nodes)
    while True:
        found = np.where(linked, first, nodes).min(axis=1, initial=nodes)
        if np.array_equal(found, first):
            return np.unique(first, return_inverse=True)[1].astype(np.int64)
        # What a node found goes for all that share its first node, and so on from node to node:
        # whole components join at once, and a chain of n takes about log n rounds.
        joined = np.arange(nodes)
        np.minimum.at(joined, first, found)
        while not np.array_equal(further := joined[joined], joined):
            joined = further
        first = joined[first]


DEFAULT_TEMPERATURE = 0.05
"""Used where the gallery has no null distribution to take one from."""


@dataclass(frozen=True, slots=True)
class Mode:
    """The densest place among some photos."""

    latitude: float
    longitude: float
    share: float
    """Share of all votes that the kernel around the mode collects, 0 to 1."""


def vote_weights(
    similarities: Sequence[float], temperature: float = DEFAULT_TEMPERATURE
) -> NDArray[np.float64]:
    """Return votes `[n]` that sum to 1: a softmax of the similarities.

    Args:
        similarities: Cosines, best need not be first.
        temperature: A photo this much less similar than another has 1/e of its vote.
    """
    values = np.asarray(similarities, dtype=np.float64)
    if values.size == 0:
        return values
    weights = np.exp((values - values.max()) / temperature)
    total: NDArray[np.float64] = weights / weights.sum()
    return total


def density_mode(
    latitudes: Sequence[float],
    longitudes: Sequence[float],
    weights: NDArray[np.float64],
    *,
    bandwidth_km: float,
    apart_km: NDArray[np.float64] | None = None,
) -> Mode:
    """Return the densest place: the best-supported photo, moved to the mean of its supporters.

    Args:
        latitudes: Degrees, `[n]`, at least one.
        longitudes: Degrees, `[n]`.
        weights: The photos' votes `[n]`, not negative.
        bandwidth_km: Standard deviation of the Gaussian.
        apart_km: The distances between the photos, `[n, n]`, where they are known.
    """
    total = float(weights.sum())
    if len(latitudes) == 1:
        return Mode(float(latitudes[0]), float(longitudes[0]), share=1.0 if total > 0 else 0.0)
    if not total > 0:
        # Photos so much less alike than others that their votes are rounded to nothing: among
        # themselves they count alike.
        weights = np.ones_like(weights)
    if apart_km is None:
        apart_km = distances_km(latitudes, longitudes, latitudes, longitudes)
    kernel = np.exp(-0.5 * (apart_km / bandwidth_km) ** 2) * weights
    density = kernel.sum(axis=1)
    peak = int(density.argmax())
    center = spherical_mean(latitudes, longitudes, kernel[peak])
    return Mode(*center, share=float(density[peak]) / total if total > 0 else 0.0)
