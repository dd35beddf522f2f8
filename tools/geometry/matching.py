"""Which features of two pictures show the same detail, before any geometry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
