"""Finds the matches that agree on one geometry of two views, and rules out chance.

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

from geofix.tools.geometry import GeometricMatch
from geofix.tools.geometry.local_features import LocalFeatures

RATIO = 0.8
"""How much nearer the best has to be than the second best (Lowe 2004), as distances."""

STILL_PX = 3.0
"""What moved less stands still between two pictures."""

GRID = 4
"""Rows and columns of the grid over a picture."""

_ROWS_OF_A_SCENE = 3
"""A scene that stands still does so over so many rows of the grid; an overlay fills fewer."""

Pairs = NDArray[np.intp]
"""`[m, 2]`, indexes of features of the first and the second picture."""


def matched(a: LocalFeatures, b: LocalFeatures, *, ratio: float = RATIO) -> Pairs:
    """Return pairs that are each other's best and stand out from the second best.

    Each point is matched once, and what the camera carries with it (a watermark, a car's bonnet) is
    left out, see `without_overlay`.
    """
    if len(a.points) < 2 or len(b.points) < 2:
        return np.empty((0, 2), dtype=np.intp)
    cosines = a.unit() @ b.unit().T
    rows = np.arange(len(cosines))
    best = cosines.argmax(axis=1)
    nearest = cosines[rows, best]
    mutual = cosines.argmax(axis=0)[best] == rows
    cosines[rows, best] = -1.0
    second = cosines.max(axis=1)
    # The squared distance of unit vectors is 2 - 2 cosine.
    stands_out = 1.0 - nearest < ratio**2 * (1.0 - second)
    chosen = np.flatnonzero(mutual & stands_out)
    pairs = np.stack([chosen, best[chosen]], axis=1)
    return without_overlay(a, b, _once_a_point(a, b, pairs))


def _once_a_point(a: LocalFeatures, b: LocalFeatures, pairs: Pairs) -> Pairs:
    """Keep one pair of each pair of points: SIFT gives a point one feature per orientation."""
    places = np.concatenate([a.points[pairs[:, 0]] // 64, b.points[pairs[:, 1]] // 64], axis=1)
    _, first = np.unique(places, axis=0, return_index=True)
    return pairs[np.sort(first)]


def without_overlay(a: LocalFeatures, b: LocalFeatures, pairs: Pairs) -> Pairs:
    """Drop pairs at the same pixel of both pictures, unless the whole picture stands still.

    What keeps its pixel while the camera moves is part of the camera: a logo, a line of text, a
    bonnet. Taken twice from one tripod, or copied, a picture stands still over most of its rows.
    """
    if not len(pairs):
        return pairs
    first, second = a.points_px()[pairs[:, 0]], b.points_px()[pairs[:, 1]]
    still = np.hypot(*(first - second).T) < STILL_PX
    if not still.any():
        return pairs
    cells = grid_cells(first, a)
    rows = np.unique(cells[still] // GRID)
    touched = len(np.unique(cells[still])) / len(np.unique(cells))
    return pairs if len(rows) >= _ROWS_OF_A_SCENE and touched >= 0.5 else pairs[~still]


def grid_cells(points_px: NDArray[np.float64], of: LocalFeatures) -> NDArray[np.intp]:
    """Return the cell of each point `[n, 2]`, 0 to 15, row by row from the top."""
    column, row = (points_px / (of.width, of.height) * GRID).astype(np.intp).T.clip(0, GRID - 1)
    return np.asarray(row * GRID + column)


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
