"""The evidence for a spot: how alike, how dense, and how much geometry agrees with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geofix.agent.choice.inliers import MOST_LOG, compared, inliers_of, sum_of_independent
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Hit
from geofix.tools.density import vote_weights

BANDWIDTHS_M = (10.0, 50.0, 200.0)

REACHES_M = (25.0, 100.0, 1000.0)
"""Votes are counted this far around a spot's best photo, for scorers that are fitted."""

TEMPERATURES = (0.05, 0.1, 0.2)
"""Of those votes: from nearly all for the most similar photo to about as many for each."""

LEAST_LOG = -10.0
"""A spot has at least its best photo's vote."""

SPOT_FEATURES: dict[str, tuple[str, float, float]] = {
    "spot_share": ("share of the place's votes", 0, 1),
    "spot_density_10_m": ("share of the votes, Gaussian", 0, 1),
    "spot_density_50_m": ("share of the votes, Gaussian", 0, 1),
    "spot_density_200_m": ("share of the votes, Gaussian", 0, 1),
    **{
        f"spot_votes_{reach:g}_m_{temperature:g}": ("ln share of the place's votes", LEAST_LOG, 0)
        for reach in REACHES_M
        for temperature in TEMPERATURES
    },
    "spot_rank": ("1/rank in the place", 0, 1),
    "spot_first": ("1 where it has the place's most similar photo", 0, 1),
    "spot_similarity": ("cosine less that of the most similar photo", -2, 0),
    "spot_log_inliers": ("ln inliers of the best photo", 0, MOST_LOG),
    "spot_log_inliers_sum": ("ln inliers over independent photos", 0, MOST_LOG),
    "spot_inlier_share": ("share of the best photo's matches", 0, 1),
    "spot_inlier_coverage": ("share of the photo", 0, 1),
    "spot_inliers_lead": ("ln ratio to the best photo elsewhere", -MOST_LOG, MOST_LOG),
    "spot_not_compared": ("1 where no picture was compared", 0, 1),
}
"""Unit, least and most of each feature."""


def spot_parts(
    hits: Sequence[Hit],
    members: Sequence[int],
    apart_km: NDArray[np.float64],
    votes: NDArray[np.float64],
    observed: Observed,
) -> dict[str, float]:
    """Return the features of one spot by name.

    Args:
        hits: The place's photos, most similar first.
        members: Which of them are the spot's, most similar first.
        apart_km: Distances between the photos `[n, n]`.
        votes: Of the photos `[n]`, together 1.
        observed: Has what came of comparing pictures.
    """
    own = list(members)
    densities = {
        f"spot_density_{width:g}_m": min(
            1.0, float((np.exp(-0.5 * (apart_km[own] / (width / 1000)) ** 2) @ votes).max())
        )
        for width in BANDWIDTHS_M
    }
    return {
        "spot_share": min(1.0, float(votes[own].sum())),
        **densities,
        **_votes([hit.similarity for hit in hits], apart_km[own[0]]),
        "spot_rank": 1 / (1 + own[0]),
        "spot_first": float(own[0] == 0),
        "spot_similarity": max(-2.0, hits[own[0]].similarity - hits[0].similarity),
        **_geometry(hits, own, observed),
    }


def _votes(similarities: Sequence[float], from_best_km: NDArray[np.float64]) -> dict[str, float]:
    found = {}
    for temperature in TEMPERATURES:
        votes = vote_weights(similarities, temperature)
        for reach in REACHES_M:
            share = float(votes[from_best_km <= reach / 1000].sum())
            found[f"spot_votes_{reach:g}_m_{temperature:g}"] = math.log(
                min(1.0, max(math.exp(LEAST_LOG), share))
            )
    return found


def _geometry(hits: Sequence[Hit], own: Sequence[int], observed: Observed) -> dict[str, float]:
    mine = sorted((hits[at] for at in own), key=lambda hit: -inliers_of(hit, observed))
    matches = compared(mine, observed)
    others = compared([hit for at, hit in enumerate(hits) if at not in own], observed)
    best = max(matches, key=lambda match: match.inliers, default=None)
    beyond = max((match.inliers for match in others), default=None)
    log_best = 0.0 if best is None else math.log1p(best.inliers)
    lead = 0.0 if best is None or beyond is None else log_best - math.log1p(beyond)
    return {
        "spot_log_inliers": min(MOST_LOG, log_best),
        "spot_log_inliers_sum": min(MOST_LOG, math.log1p(sum_of_independent(mine, observed))),
        "spot_inlier_share": 0.0 if best is None else best.inlier_share,
        "spot_inlier_coverage": 0.0 if best is None else best.coverage,
        "spot_inliers_lead": max(-MOST_LOG, min(MOST_LOG, lead)),
        "spot_not_compared": float(best is None),
    }
