"""Simulated geometric verification: how many local features of two photos would agree.

Measured on 160 street photos with SIFT (DESIGN.md section 5): the neighbour with most inliers is
within 25 m for 74 % where top-1 is for 62 % and the best of 16 for 89 %; with 50 inliers or more it
is right for 96 %, with 20 or more for 87 %. The constants were set by hand to give about that.
"""

from __future__ import annotations

import numpy as np

from geofix.agent.state import Hit
from geofix.evaluation.worlds.world import World
from geofix.tools.geo import haversine_km
from geofix.tools.geometry.geometric_match import GeometricMatch

SEEN_KM = 0.025
"""Photos so near, taken the same way along a street, show the same walls."""

SAME = (26.0, 1.0)
"""Median and log-spread of inliers of such photos, for a photo of middling ease."""

FACING = (9.0, 0.7)
"""Of photos of one district: the same kind of windows."""

CHANCE = (8.0, 0.35)
"""Of photos that have nothing in common."""

EASE = 0.6
"""How much of the inliers' log-spread is the photo's own: blur and leaves spoil all its pairs."""

TRIED = 200
"""Matches a pair has before geometry is asked."""


def simulated_matches(
    world: World, query: int, hits: list[Hit], seed: int
) -> dict[int, GeometricMatch]:
    """Return what SIFT might have found between a query and each hit, by photo id."""
    rng = np.random.default_rng([seed, 5, query])
    truth = int(world.queries.spots[query])
    ease = rng.standard_normal()
    return {hit.photo_id: _pair(world, truth, hit, ease, rng) for hit in hits}


def _pair(
    world: World, truth: int, hit: Hit, ease: float, rng: np.random.Generator
) -> GeometricMatch:
    spots, shown = world.spots, int(hit.external_id)
    away_km = float(
        haversine_km(spots.latitude[truth], spots.longitude[truth], hit.latitude, hit.longitude)
    )
    same = away_km <= SEEN_KM and spots.heading[shown] == spots.heading[truth]
    one_place = spots.group[shown] == spots.group[truth]
    median, spread = SAME if same else FACING if one_place else CHANCE
    own = ease if same else 0.0
    drawn = EASE * own + (1 - EASE**2) ** 0.5 * rng.standard_normal()
    inliers = int(min(TRIED, median * np.exp(spread * drawn)))
    return GeometricMatch(
        inliers=inliers,
        matches=TRIED,
        model="fundamental",
        inlier_share=inliers / TRIED,
        coverage=float(np.clip(round(16 * (1 - np.exp(-inliers / 40))) / 16, 0, 1)),
    )
