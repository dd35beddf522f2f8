"""How alike photos of different places look: the null distribution of likeness.

For a sample of photos, the probes, the best similarity reached by any photo taken far away, among
all photos there are. A query whose best similarity is common there resembles nothing in particular.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geofix.db.area import EARTH_RADIUS_KM
from geofix.db.vector_stream import Block

PROBES = 400
"""Photos whose best impostor is looked up."""

FEWEST_IMPOSTORS = 16
"""Fewer probes than this tell nothing."""

IMPOSTOR_DISTANCES_KM = (200.0, 25.0, 1.0)
"""Tried in turn: a gallery of one city has no photo 200 km away, but has some 1 km away."""

Floats = NDArray[np.float32]


class Impostors(NamedTuple):
    """The null distribution."""

    similarities: Floats
    """Best of each probe, ascending."""
    distance_km: float | None
    """How far "far away" was; none where there are too few."""
    compared: int
    """Among how many far-away photos the best was looked for, for the probe in the middle: of a
    gallery that is one city and some photos elsewhere, only those elsewhere."""


class Probes:
    """A sample of the photos that depends on their ids alone, taken from a stream of blocks."""

    def __init__(self) -> None:
        """Begin with none."""
        self._keys = np.empty(0, dtype=np.uint64)
        self._vectors: Floats | None = None
        self._places = np.empty((0, 3))

    def offer(self, block: Block) -> None:
        """Take those whose shuffled ids are the lowest so far."""
        keys = np.concatenate([self._keys, _shuffled(block.photo_ids)])
        vectors = block.vectors
        if self._vectors is not None:
            vectors = np.concatenate([self._vectors, block.vectors])
        places = np.concatenate([self._places, _directions(block)])
        first = np.argsort(keys)[:PROBES]
        self._keys, self._vectors, self._places = keys[first], vectors[first], places[first]

    def impostors(self, blocks: Iterable[Block], mean: Floats) -> Impostors:
        """Return the best similarities of far-away photos.

        Args:
            blocks: All photos.
            mean: `[dimension]`, subtracted from all of them.
        """
        among = np.zeros((len(IMPOSTOR_DISTANCES_KM), len(self._keys)), dtype=np.int64)
        best = np.full((len(IMPOSTOR_DISTANCES_KM), len(self._keys)), -np.inf, dtype=np.float32)
        if self._vectors is not None:
            probes = _unit(self._vectors - mean)
            for block in blocks:
                similarity = _unit(block.vectors - mean) @ probes.T
                closeness = _directions(block) @ self._places.T
                for level, far_km in enumerate(IMPOSTOR_DISTANCES_KM):
                    far = closeness < math.cos(far_km / EARTH_RADIUS_KM)
                    reached = np.where(far, similarity, -np.inf).max(axis=0)
                    best[level] = np.maximum(best[level], reached)
                    among[level] += far.sum(axis=0)
        for level, far_km in enumerate(IMPOSTOR_DISTANCES_KM):
            has_any = among[level] > 0
            if has_any.sum() >= FEWEST_IMPOSTORS:
                compared = int(np.median(among[level][has_any]))
                return Impostors(np.sort(best[level][has_any]), far_km, compared)
        return Impostors(np.empty(0, dtype=np.float32), None, 0)


def _shuffled(photo_ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Mix ids so that their order says nothing (the finalizer of splitmix64, Steele 2014)."""
    mixed = photo_ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    shuffled: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return shuffled


def _directions(block: Block) -> NDArray[np.float64]:
    """Return places as unit vectors `[n, 3]`: their products are cosines of angles."""
    latitude, longitude = np.radians(block.latitudes), np.radians(block.longitudes)
    flat = np.cos(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = vectors / np.maximum(lengths, np.float32(1e-12))
    return unit
