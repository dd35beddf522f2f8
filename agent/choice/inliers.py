"""What the geometry of pictures says of a place: local features of the photo found again there."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geofix.agent.candidates import PLACE_SCALE_KM, independent_photos
from geofix.agent.choice.nearby import elsewhere, near
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Candidate, Hit
from geofix.tools.geometry.geometric_match import GeometricMatch

MOST = 10_000.0
"""No pair of pictures has more features."""

MOST_LOG = 10.0

AGREEING_INLIERS = 20
"""So many inliers tell a picture of the place from any other (DESIGN.md section 5: of photos with
as many, 87 % were right)."""


def geometry_agrees(candidate: Candidate) -> bool:
    """Say whether so many points agree with a picture of the place that it is the same place."""
    return candidate.parts.get("inliers", 0.0) >= AGREEING_INLIERS


def inliers(candidate: Candidate, observed: Observed) -> float:
    """Return the inliers of its best photo, 0 to 10,000; 0 where none was compared."""
    return min(MOST, float(_best(compared(near(candidate, _found(observed)), observed))))


def log_inliers(candidate: Candidate, observed: Observed) -> float:
    """Return the logarithm of one plus the inliers of its best photo, 0 to 10."""
    return min(MOST_LOG, math.log1p(inliers(candidate, observed)))


def log_inliers_sum(candidate: Candidate, observed: Observed) -> float:
    """Return the logarithm of one plus the inliers over photos not taken side by side, 0 to 10."""
    there = sorted(near(candidate, _found(observed)), key=lambda hit: -inliers_of(hit, observed))
    return min(MOST_LOG, math.log1p(sum_of_independent(there, observed)))


def inlier_share(candidate: Candidate, observed: Observed) -> float:
    """Return the share of its best photo's matches that are inliers, 0 to 1."""
    matches = compared(near(candidate, _found(observed)), observed)
    return max(matches, key=lambda match: match.inliers).inlier_share if matches else 0.0


def inlier_coverage(candidate: Candidate, observed: Observed) -> float:
    """Return the share of the photo that inliers with its best photo touch, 0 to 1."""
    matches = compared(near(candidate, _found(observed)), observed)
    return max(matches, key=lambda match: match.inliers).coverage if matches else 0.0


def inliers_lead(candidate: Candidate, observed: Observed) -> float:
    """Return the logarithm of its inliers over those of the best photo elsewhere, -10 to 10.

    0 where either has no picture that was compared.
    """
    mine = compared(near(candidate, _found(observed)), observed)
    others = compared(elsewhere(candidate, _found(observed), PLACE_SCALE_KM), observed)
    if not mine or not others:
        return 0.0
    lead = math.log1p(_best(mine)) - math.log1p(_best(others))
    return max(-MOST_LOG, min(MOST_LOG, lead))


def not_compared(candidate: Candidate, observed: Observed) -> float:
    """Return 1 where no picture of the place was compared: no inliers mean nothing then; else 0."""
    return float(not compared(near(candidate, _found(observed)), observed))


def compared(hits: Sequence[Hit], observed: Observed) -> list[GeometricMatch]:
    """Return what came of the pictures of some photos, of those that were compared."""
    return [observed.matches[hit.photo_id] for hit in hits if hit.photo_id in observed.matches]


def inliers_of(hit: Hit, observed: Observed) -> int:
    """Return the inliers of one photo; 0 where it was not compared."""
    match = observed.matches.get(hit.photo_id)
    return 0 if match is None else match.inliers


def sum_of_independent(hits: Sequence[Hit], observed: Observed) -> int:
    """Return the inliers over photos, the first of each walk alone."""
    return sum(inliers_of(hit, observed) for hit in independent_photos(hits))


def _found(observed: Observed) -> list[Hit]:
    return observed.retrieval.positives


def _best(matches: Sequence[GeometricMatch]) -> int:
    return max((match.inliers for match in matches), default=0)
