"""Compares two pictures by their geometry, to tell whether they show the same place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class GeometricMatch:
    """How much of one picture can be found again in another, as one rigid scene."""

    inliers: int
    """Matches that agree with one geometry of two views."""
    matches: int
    """Matches before that, one for each pair of points."""
    model: Literal["fundamental", "homography", "none"]
    """The geometry they agree with; `none` where there are too few to tell."""
    inlier_share: float
    """Inliers over matches, 0 to 1."""
    coverage: float
    """Share of a 4 x 4 grid over the query's picture that inliers touch, 0 to 1."""
