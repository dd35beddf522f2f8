"""Radii with guaranteed coverage, by hierarchical conformal prediction of the geodesic error.

The errors of held-out photos, each over what was predicted for it, and sorted into bins by that
prediction, say how far off the next answer may be. Photos of one place share light, street and
gallery, so not photos but places are exchangeable: every place has weight 1 in a bin, shared by
its photos there, and the place of the next photo has weight 1 at infinity. If that place is
exchangeable with those of the bin, the radius at level `a` covers the truth with probability `a`
or more. The probability is over places and over calibrations: one calibration of few places may
cover less (docs/evaluation.md, "What a promise rests on").

Sources: Lee, Barber and Willett 2023, "Distribution-free inference with hierarchical data" (the
weighted quantile); Dunn, Wasserman and Ramdas 2022, "Distribution-free prediction sets for
two-layer hierarchical models"; Vovk, Gammerman and Shafer 2005 (Mondrian conformal prediction: the
promise holds in every bin); Angelopoulos and Bates 2021 (scores over a predicted scale).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM
from geofix.tools.statistics import LEVELS

__all__ = ["LEVELS", "ConformalRadius", "DifficultyBin", "fit_radius"]

FEWEST_PLACES = 40
"""Places a bin needs, and so a calibration. 19 would bound the radius at 95 %, by the largest of
the errors. With 40, a calibration covers less than 90 % instead of 95 % in fewer than 1 of 100
cases where photos share half of the variance with their place, and in 1 of 12 where they share all
(docs/evaluation.md, "What a promise rests on")."""

MOST_BINS = 8
"""More narrow the gap between promise and coverage inside a bin no further (docs/architecture.md,
calibration)."""

ROUNDING = 1e-9
"""What a ratio may lose on its way to a radius and back, and a count of places in a sum."""


class DifficultyBin(BaseModel):
    """The held-out photos that were predicted to be about equally hard."""

    model_config = ConfigDict(frozen=True)

    hardest: float | None
    """Predictions up to here belong to it; none in the last."""
    ratios: tuple[float, ...] = Field(min_length=1)
    """Error over predicted error, ascending."""
    counted: tuple[float, ...]
    """Places counted up to and with each ratio: a photo counts for one over the photos that its
    place has in the bin. The last is the number of places."""

    @property
    def places(self) -> int:
        """How many places its photos are of."""
        return round(self.counted[-1])


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

        The least ratio up to which `(places + 1) level` places are counted, times the predicted
        error. Where there is none, only the whole Earth keeps the promise, and half its
        circumference is returned, which no radius exceeds; `is_bounded` tells.

        Args:
            prediction: The photo's predicted difficulty: log10 of km.
            level: Coverage, above 0 and below 1.

        Raises:
            ValueError: The level is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"the coverage {level!r} is not between 0 and 1, such as 0.9")
        found = self.bin_of(prediction)
        at = bisect_left(found.counted, (found.places + 1) * level - ROUNDING)
        if at == len(found.ratios):
            return HALF_CIRCUMFERENCE_KM
        return min(HALF_CIRCUMFERENCE_KM, found.ratios[at] * math.pow(10, prediction))

    def is_bounded(self, prediction: float, level: float) -> bool:
        """Say whether the radius at `level` leaves out any of the Earth."""
        return self.radius_km(prediction, level) < HALF_CIRCUMFERENCE_KM

    def p_value(self, prediction: float, distance_km: float) -> float:
        """Return how common it is that an answer is this far off, by place.

        `(1 + places with an error as large) / (places + 1)`, a place counted by the share of its
        photos. For the true place it is at most `a` with probability at most `a`. It is at most `a`
        exactly outside the radius at level `1 - a`.

        Args:
            prediction: The photo's predicted difficulty: log10 of km.
            distance_km: From the answer to the place in question.
        """
        found = self.bin_of(prediction)
        ratio = distance_km / math.pow(10, prediction) * (1 - ROUNDING)
        at = bisect_left(found.ratios, ratio)
        nearer = found.counted[at - 1] if at else 0.0
        # Rounded as places are summed up: at most a level is to mean it.
        return round((1 + found.places - nearer) / (found.places + 1), 12)


def fit_radius(
    errors_km: ArrayLike,
    predictions: ArrayLike,
    places: Sequence[str] | None = None,
    *,
    fewest_places: int = FEWEST_PLACES,
    most_bins: int = MOST_BINS,
) -> ConformalRadius:
    """Sort held-out errors into bins of about equal size by predicted difficulty.

    Args:
        errors_km: Distance from answer to truth `[n]`, of photos that were answered. Neither the
            scorer nor what predicts the difficulty may have been fitted on them.
        predictions: Their predicted difficulty `[n]`, log10 of km
            (`geofix.tools.statistics.reliability.ScaleConfidence.difficulty`).
        places: The place of each photo `[n]`; none where each has one of its own.
        fewest_places: Places a bin needs; there are as many bins as have them.
        most_bins: Bins at most.

    Raises:
        ValueError: There is no error, one that is not finite or negative, or unlike counts.
    """
    errors, hard = np.asarray(errors_km, dtype=float), np.asarray(predictions, dtype=float)
    if errors.ndim != 1 or errors.shape != hard.shape or not errors.size:
        raise ValueError(
            f"errors of shape {errors.shape!r} and predictions of shape {hard.shape!r} cannot be"
            " paired"
        )
    if places is not None and len(places) != errors.size:
        raise ValueError(f"{errors.size} errors and {len(places)} places cannot be paired")
    if not (np.isfinite(errors).all() and np.isfinite(hard).all()) or errors.min() < 0:
        raise ValueError("an error is negative, or an error or a prediction is not finite")
    place = np.arange(errors.size) if places is None else np.unique(places, return_inverse=True)[1]
    edges = _edges(hard, place, fewest_places, most_bins)
    where = np.searchsorted(edges, hard, side="left")
    ratios = errors / 10.0**hard
    return ConformalRadius(
        bins=tuple(
            _bin(
                edges[index] if index < len(edges) else None,
                ratios[where == index],
                place[where == index],
            )
            for index in range(len(edges) + 1)
        )
    )


def _bin(
    hardest: float | None, ratios: NDArray[np.float64], place: NDArray[np.intp]
) -> DifficultyBin:
    _, number, photos = np.unique(place, return_inverse=True, return_counts=True)
    order = np.argsort(ratios, kind="stable")
    counted = np.cumsum(1 / photos[number[order]])
    # Thirds add up to a whole place.
    return DifficultyBin(
        hardest=hardest,
        ratios=tuple(ratios[order].tolist()),
        counted=tuple(np.round(counted, 9).tolist()),
    )


def _edges(
    hard: NDArray[np.float64], place: NDArray[np.intp], fewest_places: int, most_bins: int
) -> list[float]:
    """Return the edges of as many bins as have enough places, of about equal size."""
    most = int(np.clip(hard.size // fewest_places, 1, most_bins))
    # Of as many edges those that were merged least, which is the first.
    return max((_merged(hard, place, fewest_places, bins) for bins in range(1, most + 1)), key=len)


def _merged(
    hard: NDArray[np.float64], place: NDArray[np.intp], fewest_places: int, bins: int
) -> list[float]:
    """Return the edges that leave enough places on both sides.

    Equal predictions, or many photos of one place, make uneven bins.
    """
    edges = np.quantile(hard, np.arange(1, bins) / bins, method="inverted_cdf").tolist()
    kept: list[float] = []
    last = -math.inf
    for edge in edges:
        below, above = (hard > last) & (hard <= edge), hard > edge
        if min(len(np.unique(place[below])), len(np.unique(place[above]))) >= fewest_places:
            kept.append(edge)
            last = edge
    return kept
