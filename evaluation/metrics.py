"""Geodesic errors in, figures out: accuracy, GeoScore, oracle, and what a radius was worth.

A refusal or a failure has an infinite error: it is wrong at every distance and scores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.evaluation.intervals import Share, share_by_place

THRESHOLDS_KM = (1.0, 25.0, 200.0, 750.0, 2500.0)
"""Street, city, region, country, continent (Hays and Efros 2008, Vo et al. 2017)."""

STREET_KM = (0.01, 0.025, 0.1)
"""Told besides, where a set's truth is known to as much."""

GEOSCORE_KM = 1492.7
"""Scale of GeoScore (Astruc et al., OpenStreetView-5M, 2024)."""

WRONG_KM = float("inf")
"""Error of a photo that was not answered."""


def accuracy(
    errors_km: ArrayLike,
    thresholds_km: Sequence[float] = THRESHOLDS_KM,
    accuracy_km: ArrayLike | None = None,
    places: ArrayLike | None = None,
) -> dict[float, Share]:
    """Return the share of photos placed within each distance.

    Args:
        errors_km: Geodesic, `[n]`; infinite where not answered.
        thresholds_km: Distances.
        accuracy_km: How far the truth may lie from its coordinates, `[n]`; a photo counts only
            at distances its truth is known to. All do where left out.
        places: What photos share, `[n]`, for the interval; none where each has its own.
    """
    errors = np.asarray(errors_km, float)
    known = np.zeros(len(errors)) if accuracy_km is None else np.asarray(accuracy_km, float)
    names = np.arange(len(errors)) if places is None else np.asarray(places)
    told = {}
    for threshold in thresholds_km:
        counted = known <= threshold
        told[threshold] = share_by_place(errors[counted] <= threshold, names[counted])
    return told


def geoscore(errors_km: ArrayLike) -> NDArray[np.float64]:
    """Return `5000 exp(-d / 1492.7)` for each error, `[n]`; 0 where not answered."""
    score: NDArray[np.float64] = 5000.0 * np.exp(-np.asarray(errors_km, float) / GEOSCORE_KM)
    return score


def median_km(errors_km: ArrayLike) -> float:
    """Return the median error; infinite where half of the photos were not answered."""
    errors = np.asarray(errors_km, float)
    # Not interpolated: half-way to infinity is nowhere.
    return float(np.quantile(errors, 0.5, method="lower")) if errors.size else float("nan")


def oracle_at_k(candidate_errors_km: Sequence[ArrayLike], k: int | None = None) -> list[float]:
    """Return the least error among the first `k` candidates of each photo.

    Args:
        candidate_errors_km: Errors of each photo's candidates, best ranked first.
        k: How many count; all where left out.
    """
    return [
        float(np.min(np.asarray(errors, float)[:k], initial=WRONG_KM))
        for errors in candidate_errors_km
    ]


def gap_closed(top1: float, ours: float, oracle: float) -> float:
    """Return the share of the way from top-1 to the oracle that a choice went.

    0 is no better than top-1, 1 as good as the oracle; negative is worse than top-1. NaN where
    there is no gap.
    """
    return (ours - top1) / (oracle - top1) if oracle > top1 else float("nan")


def coverage(
    errors_km: ArrayLike,
    radii_km: Sequence[Mapping[str, float] | None],
    places: ArrayLike | None = None,
) -> dict[str, tuple[Share, float]]:
    """Return for each promised level how often the truth lay inside, and the median radius in km.

    Every place counts once, whatever the number of its photos: so it is promised.

    Args:
        errors_km: Of photos that were answered, `[n]`.
        radii_km: Radius by level, `0.9`, of each; none where a run made no promise.
        places: What photos share, `[n]`; none where each has its own.
    """
    errors = np.asarray(errors_km, float)
    names = np.arange(len(errors)) if places is None else np.asarray(places)
    levels = sorted({level for radii in radii_km if radii for level in radii}, key=float)
    told = {}
    for level in levels:
        stated = [
            (error <= radii[level], radii[level], name)
            for error, radii, name in zip(errors, radii_km, names, strict=True)
            if radii and level in radii
        ]
        inside, radius, name = zip(*stated, strict=True)
        told[level] = (share_by_place(inside, name, alike=True), float(np.median(radius)))
    return told
