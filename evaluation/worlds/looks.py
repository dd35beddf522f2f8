"""What photos look like: sums of signatures of the places they show or seem to show, and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.evaluation.worlds.locations import DIMENSION
from geofix.evaluation.worlds.recipe import COMMON, Recipe
from geofix.evaluation.worlds.spots import Spots, common_mean
from geofix.tools.geo import haversine_km

POOL = 4_000
"""Places a query may look like are drawn from so many of the world's."""


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
