"""A simulated model's drafts: as far off as published, and nothing else of a model.

Qwen2.5-VL-7B asked without neighbours is within 1, 25, 200, 750 and 2500 km for 3.2, 16.6, 28.0,
42.1 and 53.0 % of IM2GPS3k (GRE, Table 2; ../shared/research/anchors.md). How far off a draft is
goes with how hard the photo is for retrieval too (`TOGETHER`, chosen, not published). No word of
confidence is simulated, since no published figure says what one is worth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geofix.agent.state import Draft
from geofix.evaluation.worlds.world import World
from geofix.tools.geo import destinations

REACHED = (0.0, 0.032, 0.166, 0.280, 0.421, 0.530, 1.0)
"""Share of drafts at most as far off as `FAR_KM`."""

FAR_KM = (0.05, 1.0, 25.0, 200.0, 750.0, 2500.0, 15_000.0)

TOGETHER = 0.5
"""Correlation of the draft's error with the photo's difficulty, both as normal scores."""

DRAFTED_BY = "simulated:qwen2.5-vl-7b"


def drafted_km(difficulty: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how far off each draft is, in km, `[n]`.

    Args:
        difficulty: Of each photo, `[n]`; only its order counts.
        rng: Draws the rest.
    """
    from scipy.stats import norm, rankdata  # noqa: PLC0415 - half a second

    hard = norm.ppf(rankdata(difficulty) / (len(difficulty) + 1))
    own = rng.standard_normal(len(difficulty))
    share = norm.cdf(TOGETHER * hard + (1 - TOGETHER**2) ** 0.5 * own)
    off: NDArray[np.float64] = np.exp(np.interp(share, REACHED, np.log(FAR_KM)))
    return off


def simulated_drafts(world: World, seed: int) -> list[Draft]:
    """Return one draft for each query of a world."""
    rng = np.random.default_rng([seed, 4])
    asked = world.queries.spots
    easy = world.queries.parts.weights[:, 0]
    latitude, longitude = destinations(
        world.spots.latitude[asked],
        world.spots.longitude[asked],
        rng.uniform(0, 360, len(asked)),
        drafted_km(-easy, rng),
    )
    return [
        Draft(round=0, drafted_by=DRAFTED_BY, latitude=float(north), longitude=float(east))
        for north, east in zip(latitude, longitude, strict=True)
    ]
