"""What the votes of the retrieved photos say of a place."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from geofix.agent.choice.nearby import elsewhere, near
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Candidate


def share(scale_km: float) -> Callable[[Candidate, Observed], float]:
    """Return the feature of one scale: share of all votes within it of the place's best photo."""

    def of(candidate: Candidate, observed: Observed) -> float:
        return min(1.0, candidate.parts.get(f"share_{scale_km:g}_km", 0.0))

    return of


def flat_votes(candidate: Candidate, observed: Observed) -> float:
    """Return its share of votes where many alike photos count beside one more alike, 0 to 1."""
    return min(1.0, candidate.parts.get("flat_votes", 0.0))


def likeness(candidate: Candidate, observed: Observed) -> float:
    """Return how rare the similarity of its best photo is among photos of unlike places, 0 to 1."""
    return candidate.parts.get("likeness", 0.0)


def rank(candidate: Candidate, observed: Observed) -> float:
    """Return one over the rank of its best photo, 0 to 1; 0 without a photo."""
    mine = near(candidate, observed.retrieval.positives)
    if not mine:
        return 0.0
    best = max(hit.similarity for hit in mine)
    return 1 / (1 + sum(hit.similarity > best for hit in observed.retrieval.positives))


def margin(candidate: Candidate, observed: Observed) -> float:
    """Return its best similarity less the best elsewhere, -2 to 2; 0 where either is missing."""
    mine = [hit.similarity for hit in near(candidate, observed.retrieval.positives)]
    others = [hit.similarity for hit in elsewhere(candidate, observed.retrieval.positives)]
    return _cut(max(mine) - max(others), 2.0) if mine and others else 0.0


def sharpness(candidate: Candidate, observed: Observed) -> float:
    """Return the best similarity of the search less the median, 0 to 2; the same for all places."""
    found = [hit.similarity for hit in observed.retrieval.positives]
    return min(2.0, max(found) - float(np.median(found))) if found else 0.0


def independent(candidate: Candidate, observed: Observed) -> float:
    """Return the logarithm of one plus its photos that were not taken side by side, 0 to 6."""
    return min(6.0, math.log1p(candidate.independent))


def _cut(value: float, limit: float) -> float:
    return min(limit, max(-limit, value))
