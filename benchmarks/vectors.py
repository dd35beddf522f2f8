"""Vectors with the structure of an image encoder's, and the places that go with them.

A vector is the normalized sum of what all photos share, of its country (200), of its scene (5,000,
of Zipf sizes) and of a part of its own, whose strength is log-normal: some photos show little but
their scene, others little of it. Each part is Gaussian with a power-law spectrum in a random basis.
Shares and exponents are set so that the cosines of random pairs, the nearest and the farthest of
100,000 come out as DESIGN.md section 4 asks; `benchmarks.gallery` prints what they are.

Countries and scenes lie on land. Of 100 photos, 30 look like their scene but lie at another one:
places follow looks only in part. Queries are draws of their own, not rows.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.made_gallery import Drawn
from geofix.tools.geo.countries import countries_at

BLOCK = 20_000
"""Rows drawn together. A block depends on seed and number only, so fewer rows are a prefix."""

COUNTRIES, SCENES = 200, 5_000

ZIPF = 0.9
"""Exponent of the scenes' sizes."""

SPECTRUM = 0.75
"""Exponent of the parts' variances: at 768, centred vectors have a participation ratio of 93."""

COMMON, COUNTRY, SCENE, OWN = 1.0, 0.29, 0.47, 0.475
"""Norms of the parts; of the last the median."""

OWN_SIGMA = 0.26
"""Of the logarithm of the own part's norm."""

ELSEWHERE = 0.3
"""Share of photos that lie at another scene than the one they look like."""

SCENE_KM, SCENE_SIGMA = 8.0, 1.0
"""Median of a scene's extent (standard deviation of its photos), and of the logarithm of it."""

KM_A_DEGREE = 111.195

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def make(
    rows: int,
    dimension: int = 768,
    seed: int = 0,
    queries: int = 200,
    *,
    path: Path | None = None,
) -> Drawn:
    """Draw a gallery; the same arguments give the same one, and fewer rows a prefix of more.

    Args:
        rows: How many photos.
        dimension: Of the vectors.
        seed: Another one is another world: other scenes at other places.
        queries: How many held-out draws.
        path: A .npy file to hold the vectors; in memory by default (1.5 GB a million at 768).
    """
    world = _world(dimension, seed)
    vectors: NDArray[np.float16] = (
        np.empty((rows, dimension), np.float16)
        if path is None
        else np.lib.format.open_memmap(path, "w+", np.float16, (rows, dimension))
    )
    places = np.empty((2, rows))
    for number, first in enumerate(range(0, rows, BLOCK)):
        last = min(first + BLOCK, rows)
        drawn, latitude, longitude = world.block(number, last - first)
        vectors[first:last] = drawn
        places[:, first:last] = latitude, longitude
    asked, latitude, longitude = world.block(-1, queries)
    return Drawn(vectors, places[0], places[1], asked, latitude, longitude)


class World:
    """What all blocks of one seed share: the scenes, their looks, sizes and places."""

    def __init__(self, dimension: int, seed: int) -> None:
        """Draw the countries and scenes of a seed."""
        self._seed = seed
        rng = np.random.default_rng(seed)
        self._dimension = dimension
        spectrum = np.arange(1, dimension + 1) ** (-SPECTRUM / 2)
        self._scale = (spectrum / np.linalg.norm(spectrum)).astype(np.float32)
        # In a random basis: whoever takes signs or parts of a vector meets no favored axes.
        basis = rng.standard_normal((dimension, dimension))
        self._basis = np.linalg.qr(basis)[0].astype(np.float32)
        self.latitude, self.longitude = _land(rng, SCENES)
        country = _nearest(self.latitude, self.longitude, rng.choice(SCENES, COUNTRIES, False))
        # Not drawn but set: one draw's norm would move all cosines with the seed.
        common = self._part(rng, 1)
        self._common = COMMON * common / np.linalg.norm(common)
        self._looks = SCENE * self._part(rng, SCENES)
        self._looks += COUNTRY * self._part(rng, COUNTRIES)[country]
        self._spread = SCENE_KM * rng.lognormal(0.0, SCENE_SIGMA, SCENES) / KM_A_DEGREE
        sizes = rng.permutation(np.arange(1, SCENES + 1) ** -ZIPF)
        self._shares = sizes / sizes.sum()

    def block(self, number: int, rows: int) -> tuple[Floats, Doubles, Doubles]:
        """Draw one block: vectors `[rows, dimension]`, latitudes and longitudes `[rows]`.

        Args:
            number: Which; -1 is the queries'.
            rows: How many of its rows, at most `BLOCK`.
        """
        looks, own, place = np.random.default_rng([self._seed, number + 1]).spawn(3)
        scene = looks.choice(SCENES, BLOCK, p=self._shares)[:rows]
        strength = looks.lognormal(np.log(OWN), OWN_SIGMA, BLOCK)[:rows, None].astype(np.float32)
        vectors = self._part(own, rows)
        vectors *= strength
        vectors += self._looks[scene]
        vectors += self._common
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        elsewhere = place.random(BLOCK)[:rows] < ELSEWHERE
        other = place.choice(SCENES, BLOCK, p=self._shares)[:rows]
        return vectors, *self._places(place, np.where(elsewhere, other, scene))

    def _part(self, rng: np.random.Generator, rows: int) -> Floats:
        """Draw Gaussians of norm about 1, `[rows, dimension]`."""
        drawn = rng.standard_normal((rows, self._dimension), np.float32)
        drawn *= self._scale
        return np.asarray(drawn @ self._basis, np.float32)

    def _places(self, rng: np.random.Generator, at: NDArray[np.intp]) -> tuple[Doubles, Doubles]:
        north, east = rng.standard_normal((BLOCK, 2))[: len(at)].T * self._spread[at]
        latitude = np.clip(self.latitude[at] + north, -90.0, 90.0)
        east = east / np.cos(np.radians(self.latitude[at]))
        return latitude, (self.longitude[at] + east + 180.0) % 360.0 - 180.0


@lru_cache(maxsize=2)
def _world(dimension: int, seed: int) -> World:
    return World(dimension, seed)


def _land(rng: np.random.Generator, points: int) -> tuple[Doubles, Doubles]:
    """Draw places, equally likely on each square kilometer of land north of 56 degrees south."""
    # Land is 0.3 of the sphere: six times as many draws hold enough of it.
    latitude = np.degrees(np.arcsin(rng.uniform(-0.83, 0.98, 6 * points)))
    longitude = rng.uniform(-180.0, 180.0, 6 * points)
    codes = countries_at(latitude, longitude, tolerance_km=0.0)
    dry = np.array([code is not None for code in codes]).nonzero()[0][:points]
    return latitude[dry], longitude[dry]


def _nearest(latitude: Doubles, longitude: Doubles, centers: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each place which of `centers` it is nearest to."""
    north, east = np.radians(latitude), np.radians(longitude)
    on_sphere = np.stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1
    )
    return np.asarray((on_sphere @ on_sphere[centers].T).argmax(axis=1), np.intp)
