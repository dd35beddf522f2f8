"""What the geometry of pictures says of a place: local features of the photo found again there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from geofix.agent.state import Candidate, Hit
from geofix.agent.verify.candidates import independent_photos
from geofix.agent.verify.observed import BoolArray, FloatArray, Observed, Places, best_of
from geofix.tools.geometry import GeometricMatch

MOST = 10_000.0
"""No pair of pictures has more features."""

MOST_LOG = 10.0

AGREEING_INLIERS = 20
"""This many inliers tell a picture of the place from any other (DESIGN.md section 5: of photos with
as many, 87 % were right)."""


def geometry_agrees(candidate: Candidate) -> bool:
    """Say whether enough points match a picture of the place to be sure that it is the place."""
    return candidate.parts.get("inliers", 0.0) >= AGREEING_INLIERS


def inliers(places: Places, observed: Observed) -> FloatArray:
    """Return the inliers of its best photo, 0 to 10,000; 0 where none was compared."""
    found = np.array([inliers_of(hit, observed) for hit in observed.retrieval.positives], float)
    return np.minimum(MOST, np.maximum(0.0, best_of(found, places.near)))


def log_inliers(places: Places, observed: Observed) -> FloatArray:
    """Return the logarithm of one plus the inliers of its best photo, 0 to 10."""
    return np.minimum(MOST_LOG, np.log1p(inliers(places, observed)))


def log_inliers_sum(places: Places, observed: Observed) -> FloatArray:
    """Return the logarithm of one plus the inliers over photos not taken side by side, 0 to 10."""
    # Photos without inliers add nothing, and stand behind all that have some.
    telling = [
        (at, hit)
        for at, hit in enumerate(observed.retrieval.positives)
        if inliers_of(hit, observed) > 0
    ]
    telling.sort(key=lambda each: -inliers_of(each[1], observed))
    there = places.near[:, [at for at, _ in telling]]
    sums = [
        sum_of_independent([telling[at][1] for at in np.flatnonzero(row)], observed)
        for row in there
    ]
    together: FloatArray = np.minimum(MOST_LOG, np.log1p(np.array(sums, float)))
    return together


def inlier_share(places: Places, observed: Observed) -> FloatArray:
    """Return the share of its best photo's matches that are inliers, 0 to 1."""
    return _of_best(places, observed, lambda match: match.inlier_share)


def inlier_coverage(places: Places, observed: Observed) -> FloatArray:
    """Return the share of the photo that inliers with its best photo touch, 0 to 1."""
    return _of_best(places, observed, lambda match: match.coverage)


def inliers_lead(places: Places, observed: Observed) -> FloatArray:
    """Return the logarithm of its inliers over those of the best photo elsewhere, -10 to 10.

    0 where either has no picture that was compared.
    """
    there, matches = _compared(places, observed)
    found = np.array([match.inliers for match in matches], float)
    mine, others = best_of(found, there), best_of(found, ~there)
    both = np.isfinite(mine) & np.isfinite(others)
    lead = np.log1p(np.where(both, mine, 0.0)) - np.log1p(np.where(both, others, 0.0))
    cut: FloatArray = np.clip(lead, -MOST_LOG, MOST_LOG)
    return cut


def not_compared(places: Places, observed: Observed) -> FloatArray:
    """Return 1 where no picture of the place was compared: no inliers mean nothing then; else 0."""
    there, _ = _compared(places, observed)
    return (~there.any(axis=1)).astype(float)


def inliers_of(hit: Hit, observed: Observed) -> int:
    """Return the inliers of one photo; 0 where it was not compared."""
    match = observed.matches.get(hit.photo_id)
    return 0 if match is None else match.inliers


def sum_of_independent(hits: Sequence[Hit], observed: Observed) -> int:
    """Return the sum of inliers over photos; of each walk only the first photo counts."""
    return sum(inliers_of(hit, observed) for hit in independent_photos(hits))


def _compared(places: Places, observed: Observed) -> tuple[BoolArray, list[GeometricMatch]]:
    """Return which of the pictures compared are near each place, and what came of them."""
    positives = observed.retrieval.positives
    at = [index for index, hit in enumerate(positives) if hit.photo_id in observed.matches]
    return places.near[:, at], [observed.matches[positives[index].photo_id] for index in at]


def _of_best(
    places: Places, observed: Observed, value: Callable[[GeometricMatch], float]
) -> FloatArray:
    """Return a value of each place's picture with most inliers, the first of equals; 0 if none."""
    there, matches = _compared(places, observed)
    if not matches:
        return places.all(0.0)
    found = np.where(there, [match.inliers for match in matches], -1)
    values = np.array([value(match) for match in matches])
    return np.where(there.any(axis=1), values[found.argmax(axis=1)], 0.0)
