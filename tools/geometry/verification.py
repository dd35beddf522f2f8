"""Which matches agree on one geometry of two views, and whether that could be chance.

The geometry is a fundamental matrix, or a homography where the scene is flat or the camera only
turned and any fundamental matrix would do. Both are found by MAGSAC (Barath et al. 2019), whose
random numbers start anew at every call: the same pictures give the same answer.
"""

from __future__ import annotations

from math import hypot, lgamma, log, log10, pi
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from geofix.tools.geometry.geometric_match import GeometricMatch
from geofix.tools.geometry.local_features import LocalFeatures
from geofix.tools.geometry.matching import GRID, Pairs, grid_cells, matched

FEWEST_MATCHES = 8
"""A fundamental matrix goes through any seven."""

EPIPOLAR_PX = 1.5
"""How far from its epipolar line an inlier of a fundamental matrix may lie."""

PLANE_PX = 4.0
"""How far from where a homography puts it an inlier may lie."""

PLANE_SHARE = 0.8
"""A homography that explains so much of what the fundamental matrix does is the better model."""

THINNEST_PX = 4.0
"""Standard deviation of the inliers across the line through them, in either picture.

Points of one line or place leave the geometry open: any of many would agree with all.
"""

_ROUNDS = 2000
_CONFIDENCE = 0.999

_Mask = NDArray[np.bool_]


def match(query: LocalFeatures, other: LocalFeatures) -> GeometricMatch:
    """Return how much of the query's picture is found again in the other, as one rigid scene.

    What is no more than random matches reach has the model `none` and no inliers.
    """
    return verified(query, other, matched(query, other))


def verified(query: LocalFeatures, other: LocalFeatures, pairs: Pairs) -> GeometricMatch:
    """Return which geometry the pairs agree with; see `match`."""
    count = len(pairs)
    nothing = GeometricMatch(0, count, "none", 0.0, 0.0)
    if count < FEWEST_MATCHES:
        return nothing
    first = np.ascontiguousarray(query.points_px()[pairs[:, 0]])
    second = np.ascontiguousarray(other.points_px()[pairs[:, 1]])
    epipolar, plane = (
        _agreeing(first, second, "fundamental"),
        _agreeing(first, second, "homography"),
    )
    area, diagonal = other.width * other.height, hypot(other.width, other.height)
    by_chance = min(
        log10_false_alarms(int(epipolar.sum()), count, 7, 2 * EPIPOLAR_PX * diagonal / area),
        log10_false_alarms(int(plane.sum()), count, 4, pi * PLANE_PX**2 / area),
    )
    if by_chance >= 0:
        return nothing
    flat = plane.sum() >= max(PLANE_SHARE * epipolar.sum(), FEWEST_MATCHES)
    inliers = plane if flat else epipolar
    if inliers.sum() < FEWEST_MATCHES:
        return nothing
    if min(_thickness(first[inliers]), _thickness(second[inliers])) < THINNEST_PX:
        return nothing
    return GeometricMatch(
        inliers=int(inliers.sum()),
        matches=count,
        model="homography" if flat else "fundamental",
        inlier_share=float(inliers.mean()),
        coverage=len(np.unique(grid_cells(first[inliers], query))) / GRID**2,
    )


def log10_false_alarms(inliers: int, matches: int, sample: int, chance: float) -> float:
    """Return log10 of how many models as good random matches would give (Moisan and Stival 2004).

    Args:
        inliers: Of the model.
        matches: Among so many.
        sample: Matches that determine a model, which agree with it by construction.
        chance: That a random match agrees with a given model, 0 to 1.
    """
    if inliers <= sample:
        return 0.0
    chosen = _log_choose(matches, inliers) + _log_choose(inliers, sample)
    return log10(matches - sample) + (chosen + (inliers - sample) * log(chance)) / log(10)


def _thickness(points: NDArray[np.float64]) -> float:
    """Return the standard deviation of points `[n, 2]` in the direction where it is least."""
    return float(np.sqrt(max(0.0, np.linalg.eigvalsh(np.cov(points.T))[0])))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _agreeing(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    model: Literal["fundamental", "homography"],
) -> _Mask:
    try:
        if model == "fundamental":
            _, mask = cv2.findFundamentalMat(
                first, second, cv2.USAC_MAGSAC, EPIPOLAR_PX, _CONFIDENCE, _ROUNDS
            )
        else:
            _, mask = cv2.findHomography(
                first, second, cv2.USAC_MAGSAC, PLANE_PX, maxIters=_ROUNDS, confidence=_CONFIDENCE
            )
    except cv2.error:
        # An assertion of its own, where all its samples were degenerate: 5 of 1,596 street pairs.
        return np.zeros(len(first), dtype=np.bool_)
    if mask is None:
        return np.zeros(len(first), dtype=np.bool_)
    return np.asarray(mask.ravel() != 0)
