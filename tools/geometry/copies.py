"""Tells whether one picture is a copy of another: saved again, made smaller, brighter or cropped.

Two photos of one scene agree on a geometry of two views, and their points move by depth. In a copy
all points keep their places but for one scale and one shift, over the whole of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees, hypot

import cv2
import numpy as np

from geofix.tools.geometry.local_features import LocalFeatures
from geofix.tools.geometry.verification import GRID, grid_cells, matched

FEWEST = 50
"""Matches that have to agree; copies of 320 pixels had 92 or more."""

SHARE = 0.75
"""Share of the matches that have to agree: copies of half the size or cropped had 0.87 or more, two
photos of a street taken one after the other 0.49 at most."""

COVERAGE = 0.5
"""Share of a 4 x 4 grid over the picture that they have to touch; sky has no points."""

OFF_PX = 2.0
"""How far from its place a point may lie, of 640 pixels."""

TURN_DEGREES = 0.5
"""How much the picture may be turned; who copies one does not turn it."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How well one scale and one shift lay a picture over another."""

    matches: int
    """Points of the one that were found in the other."""
    agreeing: int
    """Those that the scale and the shift lay within 2 pixels of their places."""
    coverage: float
    """Share of a 4 x 4 grid over the first picture that they touch, 0 to 1."""
    turn_degrees: float
    """How much the picture is turned besides, without sign."""

    @property
    def is_copy(self) -> bool:
        """Whether the pictures are the same but for size, crop, compression and brightness."""
        return (
            self.agreeing >= FEWEST
            and self.agreeing >= SHARE * self.matches
            and self.coverage >= COVERAGE
            and self.turn_degrees <= TURN_DEGREES
        )


def align(query: LocalFeatures, other: LocalFeatures) -> Alignment:
    """Return how well the query's picture can be laid over another by a similarity transform."""
    pairs = matched(query, other)
    nothing = Alignment(len(pairs), 0, 0.0, 0.0)
    if len(pairs) < FEWEST:
        return nothing
    first = np.ascontiguousarray(query.points_px()[pairs[:, 0]])
    second = np.ascontiguousarray(other.points_px()[pairs[:, 1]])
    # RANSAC with random numbers that start anew at every call, and least squares over its inliers.
    found, mask = cv2.estimateAffinePartial2D(
        first, second, method=cv2.RANSAC, ransacReprojThreshold=OFF_PX
    )
    if found is None:
        return nothing
    agreeing = mask.ravel() != 0
    cosine, sine = float(found[0, 0]), float(found[1, 0])
    if not hypot(cosine, sine) or not agreeing.any():
        return nothing
    return Alignment(
        matches=len(pairs),
        agreeing=int(agreeing.sum()),
        coverage=len(np.unique(grid_cells(first[agreeing], query))) / GRID**2,
        turn_degrees=abs(degrees(atan2(sine, cosine))),
    )
