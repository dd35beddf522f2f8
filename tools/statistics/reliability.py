"""Probabilities that an answer is right at each scale, and how reliable they are.

A logistic model on the signals of an answer ranks it, isotonic regression turns the rank into a
frequency. Sources: Platt 1999; Zadrozny and Elkan 2002; Niculescu-Mizil and Caruana 2005, which has
isotonic regression overfit where there are few examples. Fitting is in
`geofix.evaluation.calibrate.reliability_fit`; here is what a stored document can say, without
scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM

FINEST_KM = 0.01
"""Smaller errors count as this one in `ScaleConfidence.difficulty`."""


class ScaleCurve(BaseModel):
    """The model of one scale: logistic regression, then a map of its output to frequencies."""

    model_config = ConfigDict(frozen=True)

    name: str
    scale_km: float
    intercept: float
    coefficients: dict[str, float]
    """Coefficients by signal, for standardised values."""
    said: tuple[float, ...]
    """Ascending probabilities of the logistic model."""
    true: tuple[float, ...]
    """The frequency each stands for; linear in between, not descending."""


class ScaleConfidence(BaseModel):
    """Probabilities of being right, by scale. A JSON document, nothing else is needed."""

    model_config = ConfigDict(frozen=True)

    means: dict[str, float]
    deviations: dict[str, float]
    """Standard deviations of the signals, for which a constant one has 1."""
    curves: tuple[ScaleCurve, ...]
    """Finest first. No mapping: JSON in Postgres forgets the order of one."""

    def confidence(self, signals: Mapping[str, float]) -> dict[str, float]:
        """Return the probability that the answer is right, by scale, never falling with it.

        Raises:
            KeyError: A signal is missing that the models were fitted on.
        """
        highest, found = 0.0, {}
        for curve in self.curves:
            frequency = float(np.interp(self._said(curve, signals), curve.said, curve.true))
            highest = found[curve.name] = max(highest, frequency)
        return found

    def difficulty(self, signals: Mapping[str, float]) -> float:
        """Return the expected order of the error: log10 of km, as the logistic models have it.

        What is not right at one scale is wrong by at least the next. Finer than the frequencies,
        which are equal for many photos, hence what photos are sorted by.
        """
        ends = [FINEST_KM, *(curve.scale_km for curve in self.curves)]
        steps = np.log10([b / a for a, b in pairwise([*ends, HALF_CIRCUMFERENCE_KM])])
        highest, expected = 0.0, math.log10(FINEST_KM) + float(steps[0]) / 2
        for curve, finer, coarser in zip(self.curves, steps, steps[1:], strict=False):
            highest = max(highest, self._said(curve, signals))
            # An error lies in the middle of its step, in logarithms.
            expected += (1 - highest) * float(finer + coarser) / 2
        return expected

    def _said(self, curve: ScaleCurve, signals: Mapping[str, float]) -> float:
        total = curve.intercept + sum(
            weight * (signals[name] - self.means[name]) / self.deviations[name]
            for name, weight in curve.coefficients.items()
        )
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))


class ReliabilityBin(NamedTuple):
    """Answers of about the same stated probability."""

    said: float
    """Mean probability stated."""
    true: float
    """Share that was right."""
    photos: int
    weight: float
    """Their share of all weights."""


def reliability_curve(
    probabilities: ArrayLike, right: ArrayLike, bins: int = 15, weights: ArrayLike | None = None
) -> list[ReliabilityBin]:
    """Return stated probability against frequency, in bins of equal width; empty ones left out.

    Args:
        probabilities: Stated, `[n]`, 0 to 1.
        right: Whether each was right, `[n]`.
        bins: How many of equal width.
        weights: Of the answers, `[n]`; none weighs all alike.

    Raises:
        ValueError: The counts are unlike.
    """
    said, true = np.asarray(probabilities, dtype=float), np.asarray(right, dtype=float)
    weight = np.ones(said.shape) if weights is None else np.asarray(weights, dtype=float)
    if not said.shape == true.shape == weight.shape:
        raise ValueError(
            f"probabilities of shape {said.shape!r} and outcomes of shape {true.shape!r}"
            " cannot be paired"
        )
    where = np.minimum((said * bins).astype(int), bins - 1)
    return [
        ReliabilityBin(
            float(np.average(said[kept], weights=weight[kept])),
            float(np.average(true[kept], weights=weight[kept])),
            int(kept.sum()),
            float(weight[kept].sum() / weight.sum()),
        )
        for kept in (where == index for index in range(bins))
        if kept.any()
    ]


def expected_calibration_error(
    probabilities: ArrayLike, right: ArrayLike, bins: int = 15, places: ArrayLike | None = None
) -> float:
    """Return the mean gap between stated probability and frequency, weighted by count.

    Source: Naeini, Cooper and Hauskrecht 2015. It is biased upwards where bins hold few: perfectly
    calibrated answers have one above zero.

    Args:
        probabilities: Stated, `[n]`, 0 to 1.
        right: Whether each was right, `[n]`.
        bins: How many of equal width.
        places: Of the answers, `[n]`: each then counts once. None counts each answer once.

    Raises:
        ValueError: There are no answers, or unlike counts.
    """
    curve = reliability_curve(probabilities, right, bins, _by_place(places))
    if not curve:
        raise ValueError("calibration cannot be measured without answers")
    return sum(each.weight * abs(each.said - each.true) for each in curve)


def calibration_error_by_chance(
    probabilities: ArrayLike,
    bins: int = 15,
    draws: int = 100,
    places: ArrayLike | None = None,
    *,
    alone: bool = False,
) -> float:
    """Return the expected calibration error that exactly right probabilities would show.

    Outcomes are drawn by them and measured alike, so that the bias of few places is seen.

    Args:
        probabilities: Stated, `[n]`, 0 to 1.
        bins: As in `expected_calibration_error`.
        draws: How often outcomes are drawn; the mean is returned.
        places: Of the answers, `[n]`: each then counts once. Those of one place are drawn together,
            right or wrong by the same lot, which is the most that chance can do. None counts and
            draws each answer alone.
        alone: Draw each answer alone; places still count once.
    """
    said = np.asarray(probabilities, dtype=float)
    rng = np.random.default_rng(0)
    # Numbers: names would be sorted anew in every draw.
    numbers = None if places is None else np.unique(places, return_inverse=True)[1]
    lot = np.arange(said.size) if numbers is None or alone else numbers
    count = int(lot.max(initial=-1)) + 1
    drawn = [rng.random(count)[lot] < said for _ in range(draws)]
    return float(
        np.mean([expected_calibration_error(said, right, bins, numbers) for right in drawn])
    )


def _by_place(places: ArrayLike | None) -> NDArray[np.float64] | None:
    """Return weights that add up to one a place."""
    if places is None:
        return None
    _, place, photos = np.unique(places, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1 / photos[place]
    return weights
