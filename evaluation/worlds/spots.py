"""Where a world's photos are taken, and what places look like before any photo adds its own.

A spot's signature is GeoCLIP's vector of its place (centred, so that places far apart are unlike)
together with local fields: random Fourier features (Rahimi & Recht 2007) of the position, whose
cosine falls with distance as a Gaussian. GeoCLIP's own cosine is 0.98 at 1 km, 0.59 at 10 km, 0.34
at 100 km and 0.12 at 750 km; without a field a city would look the same all over.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from geofix.evaluation.worlds.locations import DIMENSION, read_places, vectors_at
from geofix.tools.geo import EARTH_RADIUS_KM

NODE_DEGREES = 0.002
"""GeoCLIP's vectors are made once for all spots of about 200 m: they differ by 0.002 there."""

BLOCK = 4_000


@dataclass(frozen=True)
class Spots:
    """Places a photo may be taken at, `n` of them."""

    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    group: NDArray[np.int64]
    """What is split as a whole: a cell of 5 degrees, or a city."""
    sequence: NDArray[np.int64]
    """Photos of one walk share it; -1 where there are no walks."""
    heading: NDArray[np.int64]
    """Which way along its street the camera looks, 0 or 1; 0 where there are no streets."""
    signature: NDArray[np.float32]
    """`[n, 512]`, L2-normalised."""

    def __len__(self) -> int:
        """Say how many there are."""
        return len(self.latitude)


def field(
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    length_km: float,
    seed: int,
) -> NDArray[np.float32]:
    """Return a random field on the sphere, `[n, 512]`, L2-normalised.

    Args:
        latitude: Degrees, `[n]`.
        longitude: Degrees, `[n]`.
        length_km: The cosine of two places `d` apart is about `exp(-(d / length)^2 / 2)`.
        seed: Another one gives a field that has nothing to do with this.
    """
    waves = np.random.default_rng(seed).standard_normal((3, DIMENSION // 2)) / length_km
    phi, lam = np.radians(latitude), np.radians(longitude)
    there = EARTH_RADIUS_KM * np.column_stack(
        [np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)]
    )
    made = np.empty((len(there), DIMENSION), np.float32)
    for start in range(0, len(there), BLOCK):
        angle = there[start : start + BLOCK] @ waves
        made[start : start + BLOCK] = np.hstack([np.cos(angle), np.sin(angle)])
    unit: NDArray[np.float32] = made / np.float32((DIMENSION / 2) ** 0.5)
    return unit


def geography(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return GeoCLIP's centred vectors of places, `[n, 512]`, L2-normalised."""
    nodes = np.round(np.column_stack([latitude, longitude]) / NODE_DEGREES) * NODE_DEGREES
    distinct, which = np.unique(nodes, axis=0, return_inverse=True)
    return centred(vectors_at(distinct[:, 0], distinct[:, 1]))[which.ravel()]


def centred(vectors: NDArray[np.float32] | NDArray[np.float16]) -> NDArray[np.float32]:
    """Return vectors less the mean of GeoCLIP's 100,000, L2-normalised."""
    moved = np.asarray(vectors, np.float32) - common_mean()
    unit: NDArray[np.float32] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return unit


@lru_cache(maxsize=1)
def common_mean() -> NDArray[np.float32]:
    """Return the mean of GeoCLIP's vectors, `[512]`."""
    mean: NDArray[np.float32] = read_places().vectors.mean(axis=0, dtype=np.float32)
    return mean
