"""A radius that keeps its promise of coverage: split conformal prediction on geodesic error.

The errors of held-out photos, each over what was predicted for it, and sorted into bins by that
prediction, say how far off the next answer may be. If its photo is exchangeable with those of its
bin, the radius at level `a` covers the truth with probability `a` or more, and by `1 / (n + 1)`
more at most where no two errors are equal. Sources: Vovk, Gammerman and Shafer 2005 (Mondrian
conformal prediction: the promise holds in every bin); Angelopoulos and Bates 2021 (the quantile;
scores over a predicted scale).
"""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from geofix.tools.geo import HALF_CIRCUMFERENCE_KM
from geofix.tools.levels import LEVELS

__all__ = ["LEVELS", "ConformalRadius", "DifficultyBin", "fit_radius"]

SMALLEST_BIN = 40
"""Errors a bin needs. 19 would bound the radius at 95 %; with so few, it is the largest of them."""

MOST_BINS = 8
"""More narrow the gap between promise and coverage inside a bin no further (docs/architecture.md,
calibration)."""

ROUNDING = 1e-9
"""What a ratio may lose on its way to a radius and back."""


class DifficultyBin(BaseModel):
    """The held-out photos that were predicted to be about equally hard."""

    model_config = ConfigDict(frozen=True)

    hardest: float | None
    """Predictions up to here belong to it; none in the last."""
    ratios: tuple[float, ...]
    """Error over predicted error, ascending."""


class ConformalRadius(BaseModel):
    """Radii and p-values by predicted difficulty. A JSON document, nothing else is needed."""

    model_config = ConfigDict(frozen=True)

    bins: tuple[DifficultyBin, ...] = Field(min_length=1)
    """From easy to hard."""

    def bin_of(self, prediction: float) -> DifficultyBin:
        """Return the bin of a predicted difficulty; what is harder than any is in the last."""
        return next(
            each for each in self.bins if each.hardest is None or prediction <= each.hardest
        )

    def radius_km(self, prediction: float, level: float) -> float:
        """Return the radius that covers the truth with probability `level` or more.

        The ratio of rank `ceil((n + 1) level)`, times the predicted error. Where there is none,
        only the whole Earth keeps the promise, and half its circumference is returned, which no
        radius exceeds; `is_bounded` tells.

        Args:
            prediction: The photo's predicted difficulty: log10 of km.
            level: Coverage, above 0 and below 1.
        """
        ratios = self.bin_of(prediction).ratios
        rank = _rank(len(ratios), level)
        if rank > len(ratios):
            return HALF_CIRCUMFERENCE_KM
        return min(HALF_CIRCUMFERENCE_KM, ratios[rank - 1] * math.pow(10, prediction))

    def is_bounded(self, prediction: float, level: float) -> bool:
        """Say whether the radius at `level` leaves out any of the Earth."""
        return self.radius_km(prediction, level) < HALF_CIRCUMFERENCE_KM

    def p_value(self, prediction: float, distance_km: float) -> float:
        """Return how common it is that an answer is this far off: `(1 + #{r >= d}) / (n + 1)`.

        For the true place it is at most `a` with probability at most `a`. It is at most `a` exactly
        outside the radius at level `1 - a`.

        Args:
            prediction: The photo's predicted difficulty: log10 of km.
            distance_km: From the answer to the place in question.
        """
        ratios = self.bin_of(prediction).ratios
        ratio = distance_km / math.pow(10, prediction) * (1 - ROUNDING)
        farther = len(ratios) - bisect_left(ratios, ratio)
        return (1 + farther) / (len(ratios) + 1)


def fit_radius(
    errors_km: ArrayLike,
    predictions: ArrayLike,
    *,
    min_bin: int = SMALLEST_BIN,
    most_bins: int = MOST_BINS,
) -> ConformalRadius:
    """Sort held-out errors into bins of about equal size by predicted difficulty.

    Args:
        errors_km: Distance from answer to truth `[n]`, of photos that were answered. Neither the
            scorer nor what predicts the difficulty may have been fitted on them.
        predictions: Their predicted difficulty `[n]`, log10 of km
            (`geofix.tools.reliability.ScaleConfidence.difficulty`).
        min_bin: Errors a bin needs; where equal predictions leave fewer, bins are merged.
        most_bins: Bins at most.

    Raises:
        ValueError: There is no error, one that is not finite or negative, or unlike counts.
    """
    errors, hard = np.asarray(errors_km, dtype=float), np.asarray(predictions, dtype=float)
    if errors.ndim != 1 or errors.shape != hard.shape or not errors.size:
        raise ValueError(
            f"errors of shape {errors.shape!r} and predictions of shape {hard.shape!r} are no pairs"
        )
    if not (np.isfinite(errors).all() and np.isfinite(hard).all()) or errors.min() < 0:
        raise ValueError("an error is negative, or an error or a prediction is not finite")
    number = int(np.clip(errors.size // min_bin, 1, most_bins))
    inner = np.quantile(hard, np.arange(1, number) / number, method="inverted_cdf")
    edges = _merged(hard, inner.tolist(), min_bin)
    where = np.searchsorted(edges, hard, side="left")
    ratios = errors / 10.0**hard
    return ConformalRadius(
        bins=tuple(
            DifficultyBin(
                hardest=edges[index] if index < len(edges) else None,
                ratios=tuple(np.sort(ratios[where == index]).tolist()),
            )
            for index in range(len(edges) + 1)
        )
    )


def _merged(hard: NDArray[np.float64], edges: list[float], min_bin: int) -> list[float]:
    """Return the edges that leave enough on both sides: equal predictions make uneven bins."""
    kept: list[float] = []
    counted = 0
    for edge in edges:
        below = int((hard <= edge).sum())
        if below - counted >= min_bin and hard.size - below >= min_bin:
            kept.append(edge)
            counted = below
    return kept


def _rank(count: int, level: float) -> int:
    if not 0 < level < 1:
        raise ValueError(f"the coverage {level!r} is not between 0 and 1, such as 0.9")
    return max(1, math.ceil((count + 1) * level))
