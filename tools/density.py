"""Kernel density over geotagged photos on the sphere (Vo, Jacobs and Hays 2017, section 4.2).

The k nearest photos vote for their places, each with a Gaussian of the great-circle distance; the
place with the highest density is the estimate. Where Vo et al. weight a vote by a power of its
similarity, we use a softmax of it, because centred similarities may be negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.tools.geo import haversine_km, spherical_mean

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
) -> Mode:
    """Return the densest place: the best-supported photo, moved to the mean of its supporters.

    Args:
        latitudes: Degrees, `[n]`, at least one.
        longitudes: Degrees, `[n]`.
        weights: The photos' votes `[n]`, not negative.
        bandwidth_km: Standard deviation of the Gaussian.
    """
    latitude, longitude = np.asarray(latitudes), np.asarray(longitudes)
    distance = haversine_km(
        latitude[:, None], longitude[:, None], latitude[None, :], longitude[None, :]
    )
    kernel = np.exp(-0.5 * (distance / bandwidth_km) ** 2) * weights
    density = kernel.sum(axis=1)
    peak = int(density.argmax())
    center = spherical_mean(latitude, longitude, kernel[peak])
    total = float(weights.sum())
    return Mode(*center, share=float(density[peak]) / total if total > 0 else 0.0)
