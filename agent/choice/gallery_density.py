"""How many photos the gallery has at a place: a sparse place must not lose for its sparseness."""

from __future__ import annotations

import math

from geofix.agent.choice.observed import Observed
from geofix.agent.state import Candidate

_FLOOR = 1e-3
"""Votes below this share are taken for this one: the logarithm of nothing is not a number."""

WIDEST = 4.0
"""Powers of ten to either side."""


def photos_there(candidate: Candidate, observed: Observed) -> float:
    """Return the decimal logarithm of one plus the photos within 25 km, 0 to 9; 0 if unknown."""
    if observed.density is None:
        return 0.0
    return min(9.0, math.log10(1 + observed.density(candidate.latitude, candidate.longitude)))


def votes_over_density(candidate: Candidate, observed: Observed) -> float:
    """Return how much more votes a place has than its share of the gallery would give, -4 to 4.

    In powers of ten; 0 where the gallery's density is not known, and without a photo there.
    """
    if observed.density is None or not observed.photos_in_gallery or not candidate.photos:
        return 0.0
    there = max(candidate.photos, observed.density(candidate.latitude, candidate.longitude))
    expected = min(1.0, there / observed.photos_in_gallery)
    votes = max(_FLOOR, candidate.parts.get("share_25_km", 0.0))
    return min(WIDEST, max(-WIDEST, math.log10(votes / expected)))
