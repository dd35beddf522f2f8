"""Where a world's photos are, what places look like (real GeoCLIP vectors), and what photos add.

A spot's signature is GeoCLIP's vector of its place (centred, so that places far apart are unlike)
together with local fields: random Fourier features (Rahimi & Recht 2007) of the position, whose
cosine falls with distance as a Gaussian. GeoCLIP's own cosine is 0.98 at 1 km, 0.59 at 10 km, 0.34
at 100 km and 0.12 at 750 km; without a field a city would look the same all over.

Weights and places are files in the package `geoclip` (MIT), which is downloaded and not installed;
see `geofix.tools.encoders.location`.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from geofix.evaluation.worlds.recipe import COMMON, Recipe
from geofix.tools.encoders.geoclip_places import GeoclipPlaces, kept_places
from geofix.tools.encoders.location import DIMENSION, LocationEncoder
from geofix.tools.geo.distance import EARTH_RADIUS_KM, haversine_km

PACKAGE = "geoclip==1.3.0"
WEIGHTS = "geoclip/model/weights/location_encoder_weights.pth"
PLACES = "geoclip/model/gps_gallery/coordinates_100K.csv"

COUNT = 100_000
"""Places there are, 94,123 of them distinct."""


def cache_folder() -> Path:
    """Return the folder where benchmarks and worlds keep what they download or make."""
    folder = user_cache_path("geofix") / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read_places() -> GeoclipPlaces:
    """Return the gallery; the first call downloads 40 MB and takes a minute.

    Raises:
        subprocess.CalledProcessError: pip could not download the package.
    """
    kept = cache_folder() / "geoclip-1.3.0.npz"
    if kept.is_file():
        return kept_places(kept, b"", b"")
    with zipfile.ZipFile(_wheel()) as wheel:
        return kept_places(kept, wheel.read(PLACES), wheel.read(WEIGHTS))


def vectors_at(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return L2-normalised vectors of any places, `[n, 512]`; about 1 ms each.

    Raises:
        subprocess.CalledProcessError: pip could not download the package.
    """
    with zipfile.ZipFile(_wheel()) as wheel:
        vectors = LocationEncoder(wheel.read(WEIGHTS)).encode(latitude, longitude)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _wheel() -> Path:
    folder = cache_folder() / "geoclip"
    if not list(folder.glob("*.whl")):
        download = ["download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE]
        # -P: else a `pip.py` in the working folder would be run in place of pip.
        subprocess.run([sys.executable, "-P", "-m", "pip", *download], check=True)
    return next(folder.glob("*.whl"))


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


POOL = 4_000
"""How many of the world's places a query's looks are drawn from."""


@dataclass(frozen=True)
class Parts:
    """What each of `n` queries is the sum of."""

    spots: NDArray[np.int64]
    """`[n, most]`, the true one first; -1 where there are fewer."""
    weights: NDArray[np.float64]
    """`[n, most]`; 0 where there are fewer."""


def draw_parts(
    recipe: Recipe, spots: Spots, truth: NDArray[np.int64], rng: np.random.Generator
) -> Parts:
    """Draw what queries taken at `truth` look like.

    Args:
        recipe: Of the scale.
        spots: Of the world.
        truth: Which of them the queries were taken at, `[n]`.
        rng: Draws everything.
    """
    pool = rng.permutation(len(spots))[:POOL]
    counts = 1 + rng.poisson(recipe.others - 1, len(truth))
    most = int(counts.max(initial=0))
    chosen = np.full((len(truth), 1 + most), -1, np.int64)
    weights = np.zeros(chosen.shape)
    chosen[:, 0] = truth
    weights[:, 0] = rng.lognormal(np.log(recipe.own_weight), recipe.own_spread, len(truth))
    for at, count in enumerate(counts.tolist()):
        ring = ring_of(recipe, distance_km(spots, truth[at], pool))
        for part in range(1, 1 + count):
            chosen[at, part] = _draw_in_ring(recipe, pool, ring, rng)
            weights[at, part] = rng.lognormal(np.log(recipe.other_weight), recipe.other_spread)
    return Parts(chosen, weights)


def distance_km(spots: Spots, one: int | np.int64, many: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far some spots are from one, `[n]`."""
    return haversine_km(
        spots.latitude[one], spots.longitude[one], spots.latitude[many], spots.longitude[many]
    )


def ring_of(recipe: Recipe, away_km: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the ring each distance lies in, `[n]`; -1 where it is nearer than the first."""
    return np.asarray(np.searchsorted(recipe.rings_km, away_km, "right") - 1, np.int64)


def _draw_in_ring(
    recipe: Recipe,
    pool: NDArray[np.int64],
    ring: NDArray[np.int64],
    rng: np.random.Generator,
) -> int:
    last = len(recipe.ring_shares) - 1
    asked = int(rng.choice(len(recipe.ring_shares), p=recipe.ring_shares))
    # Where nothing lies at that distance, the query looks like something farther off.
    for wider in range(asked, last + 1):
        there = pool[ring == wider]
        if there.size:
            return int(rng.choice(there))
    return int(rng.choice(pool))


def query_vectors(
    recipe: Recipe, spots: Spots, parts: Parts, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the vectors of queries, `[n, 512]`, L2-normalised, with the common mean in them."""
    summed = np.einsum("nm,nmd->nd", parts.weights, spots.signature[parts.spots])
    return finished(summed + _noise(recipe.noise, len(summed), rng))


def gallery_vectors(
    recipe: Recipe, spots: Spots, shown: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the vectors of gallery photos taken at the spots `shown`, as those of queries."""
    other = rng.integers(0, len(spots), len(shown))
    kind = rng.random(len(shown))
    like = kind < recipe.lookalikes
    coarse = ~like & (kind < recipe.lookalikes + recipe.coarse)
    other[coarse] = _same_group(spots, shown[coarse], rng)
    weight = np.where(like | coarse, recipe.lookalike_weight, 0.0)
    summed = spots.signature[shown] + weight[:, None] * spots.signature[other]
    return finished(summed + _noise(recipe.gallery_noise, len(shown), rng))


def finished(vectors: NDArray[np.float64] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors of unit length with the mean in them that all encoders' vectors share."""
    own = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = common_mean()
    whole = own + COMMON * mean / np.linalg.norm(mean)
    unit: NDArray[np.float32] = (whole / np.linalg.norm(whole, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def _noise(length: float, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = rng.standard_normal((count, DIMENSION), dtype=np.float32)
    noise: NDArray[np.float32] = drawn * np.float32(length / DIMENSION**0.5)
    return noise


def _same_group(
    spots: Spots, shown: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return for each spot another one of its cell or city, drawn at random."""
    order = np.argsort(spots.group, kind="stable")
    ordered = spots.group[order]
    first = np.searchsorted(ordered, spots.group[shown], "left")
    past = np.searchsorted(ordered, spots.group[shown], "right")
    drawn = first + (rng.random(len(shown)) * (past - first)).astype(np.int64)
    return np.asarray(order[drawn], np.int64)
