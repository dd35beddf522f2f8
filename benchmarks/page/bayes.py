"""The best that could be chosen from retrieval: what a chooser could do that is told the parts.

A query is a sum of its own place's signature and those of places that it looks like (`looks.py`).
Whoever sees its vector can at best recover which places and with which weights, not which of them
is the true one. That much is told to this chooser, who knows the generator, and from it follows the
probability of each place exactly: each might be the truth, and the others drawn as such. It sees
more than any chooser from a list of neighbours, so its accuracy is an upper bound of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geofix.evaluation.worlds.looks import POOL, Spots, distance_km, ring_of
from geofix.evaluation.worlds.recipe import Recipe
from geofix.evaluation.worlds.world import World
from geofix.tools.geo.distance import haversine_km


def place_probabilities(world: World, query: int) -> NDArray[np.float64]:
    """Return the probability of each part of a query to be its true place, `[parts]`."""
    recipe, spots, parts = world.recipe, world.spots, world.queries.parts
    there = parts.spots[query] >= 0
    shown, weights = parts.spots[query][there], np.log(parts.weights[query][there])
    own = _log_normal(weights, np.log(recipe.own_weight), recipe.own_spread)
    other = _log_normal(weights, np.log(recipe.other_weight), recipe.other_spread)
    pool = np.random.default_rng(0).permutation(len(spots))[:POOL]
    log_odds = (
        own - other + [_ring_likelihood(recipe, spots, shown, at, pool) for at in range(len(shown))]
    )
    chance: NDArray[np.float64] = np.exp(log_odds - log_odds.max())
    return np.asarray(chance / chance.sum(), np.float64)


def bayes_choice(
    world: World, query: int, candidates: Sequence[tuple[float, float]], within_km: float
) -> int:
    """Return which candidate most probably has the truth within a distance.

    Args:
        world: That the query is of.
        query: Its number.
        candidates: Latitude and longitude of each, in the order of retrieval, which breaks ties.
        within_km: What counts as right.
    """
    chance = place_probabilities(world, query)
    shown = world.queries.parts.spots[query][: len(chance)]
    at = np.asarray(candidates, np.float64)
    near = (
        haversine_km(
            at[:, 0, None],
            at[:, 1, None],
            world.spots.latitude[shown],
            world.spots.longitude[shown],
        )
        <= within_km
    )
    return int((near @ chance).argmax())


def _log_normal(
    logarithms: NDArray[np.float64], middle: float, spread: float
) -> NDArray[np.float64]:
    density: NDArray[np.float64] = -0.5 * ((logarithms - middle) / spread) ** 2 - np.log(spread)
    return density


def _ring_likelihood(
    recipe: Recipe, spots: Spots, shown: NDArray[np.int64], true: int, pool: NDArray[np.int64]
) -> float:
    """Return the log-likelihood of drawing all other parts around the part `true`."""
    held = np.bincount(
        np.maximum(ring_of(recipe, distance_km(spots, shown[true], pool)), 0),
        minlength=len(recipe.ring_shares),
    )
    others = np.delete(shown, true)
    rings = ring_of(recipe, distance_km(spots, shown[true], others))
    total = 0.0
    for ring in rings.tolist():
        # Nothing that a photo merely looks like is drawn so near.
        share = recipe.ring_shares[ring] if ring >= 0 else 1e-6
        total += float(np.log(share / max(1, held[max(ring, 0)])))
    return total
