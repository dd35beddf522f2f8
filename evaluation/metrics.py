"""Geodesic errors in, figures out, and how sure each is: intervals and paired tests.

A refusal or a failure has an infinite error: it is wrong at every distance and scores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.tools.statistics import SCALES_KM

RESAMPLES = 2_000
"""Draws of the bootstrap: the ends of a 95 % interval move by about a thirtieth of its width."""

BLOCK = 200
"""Resamples drawn at once, so that memory stays small."""


class Share(NamedTuple):
    """A share of photos with its 95 % interval; all NaN where there was no photo."""

    value: float
    low: float
    high: float
    photos: int


class Difference(NamedTuple):
    """A mean difference with its 95 % interval, `a` less `b`."""

    value: float
    low: float
    high: float
    photos: int


class McNemar(NamedTuple):
    """Photos on which two runs differ, and how likely so uneven a split is by chance."""

    only_a: int
    only_b: int
    p_value: float
    """Two-sided; 1 where they never differ."""


def wilson(right: int, photos: int) -> Share:
    """Return the share `right / photos` with Wilson's 95 % interval.

    Source: E. B. Wilson, 'Probable Inference', JASA 22, 1927; scipy's, without continuity
    correction.

    Raises:
        ValueError: `right` is not between 0 and `photos`.
    """
    if not 0 <= right <= photos:
        raise ValueError(f"{right!r} of {photos!r} photos is not a share")
    if photos == 0:
        return Share(float("nan"), float("nan"), float("nan"), 0)
    from scipy.stats import binomtest  # noqa: PLC0415 - a second, which `--help` must not take

    ends = binomtest(right, photos).proportion_ci(0.95, method="wilson")
    return Share(right / photos, float(ends.low), float(ends.high), photos)


def share_by_place(right: ArrayLike, places: ArrayLike | None, *, alike: bool = False) -> Share:
    """Return a share with a 95 % interval that counts photos of one place as far as they differ.

    Wilson's interval for the effective number of photos: so many independent ones would vary as the
    share does from place to place (linearised variance of a ratio). Where it does not vary, as many
    as there are places. Sources: Korn and Graubard 1998, "Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data"; Franco et al. 2019 (with
    Wilson's interval).

    Args:
        right: Whether each photo is, `[n]`.
        places: What they share, such as a place or a sequence, `[n]`; none where each photo has its
            own, and the interval is Wilson's.
        alike: Weigh each place alike instead of each photo, as conformal radii do.

    Raises:
        ValueError: They do not pair up.
    """
    told = np.asarray(right, float)
    names = np.arange(told.size) if places is None else np.asarray(places)
    if told.shape != names.shape:
        raise ValueError(f"{told.shape!r} photos do not pair up with {names.shape!r} places")
    if not told.size:
        return wilson(0, 0)
    _, place = np.unique(names, return_inverse=True)
    photos = np.bincount(place)
    weights = 1 / photos[place] if alike else np.ones(told.size)
    value = float((weights * told).sum() / weights.sum())
    count = len(photos)
    apart = np.bincount(place, weights * (told - value))
    variance = count / max(1, count - 1) * float((apart**2).sum()) / float(weights.sum()) ** 2
    effective = float(count)
    if variance > 0:
        independent = value * (1 - value) / (told.size - 1)
        effective = min(max(told.size * independent / variance, 1.0), float(told.size))
    low, high = _wilson_ends(value, effective)
    return Share(value, low, high, told.size)


def _wilson_ends(value: float, count: float) -> tuple[float, float]:
    """Return the ends of Wilson's interval, for a count that need not be whole."""
    from scipy.stats import norm  # noqa: PLC0415 - as in `wilson`

    z2 = float(norm.ppf(0.975)) ** 2
    middle = (value + z2 / (2 * count)) / (1 + z2 / count)
    reach = (z2 * (value * (1 - value) + z2 / (4 * count)) / count) ** 0.5 / (1 + z2 / count)
    return max(0.0, min(middle - reach, value)), min(1.0, max(middle + reach, value))


def paired_bootstrap(
    a: ArrayLike,
    b: ArrayLike,
    *,
    seed: int,
    groups: ArrayLike | None = None,
    resamples: int = RESAMPLES,
) -> Difference:
    """Return the mean of `a - b` with the percentile interval of a paired bootstrap.

    Args:
        a: A value a photo, `[n]`; booleans count as 0 and 1.
        b: The other run's for the same photos, `[n]`.
        seed: The same seed gives the same interval.
        groups: Photos of one group are drawn together (a cluster bootstrap), `[n]`: those of one
            sequence are no independent witnesses.
        resamples: How many.

    Raises:
        ValueError: They do not pair up.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape:
        raise ValueError(f"{first.shape!r} values do not pair up with {second.shape!r}")
    apart = first - second
    if not apart.size:
        return Difference(float("nan"), float("nan"), float("nan"), 0)
    labels = np.arange(len(apart)) if groups is None else np.asarray(groups)
    _, group = np.unique(labels, return_inverse=True)
    means = _resampled(np.bincount(group, apart).astype(float), np.bincount(group), seed, resamples)
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(float(apart.mean()), float(low), float(high), len(apart))


def _resampled(
    sums: NDArray[np.float64], counts: NDArray[np.int64], seed: int, resamples: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for start in range(0, resamples, BLOCK):
        stop = min(start + BLOCK, resamples)
        drawn = rng.integers(0, len(sums), (stop - start, len(sums)))
        means[start:stop] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means


def mcnemar(a: ArrayLike, b: ArrayLike, groups: ArrayLike | None = None) -> McNemar:
    """Return McNemar's test of two runs, right or wrong on the same photos, by place.

    Exact: where the runs do not differ, each place's lead is as likely the one run's as the
    other's. With a photo a place it is the binomial test of Q. McNemar, Psychometrika 12, 1947;
    with more it is the permutation test that exchanges the runs place by place.

    Args:
        a: Whether the first run was right, `[n]`.
        b: Whether the second was, `[n]`.
        groups: Photos of one group are exchanged together, `[n]`; none where each has its own.

    Raises:
        ValueError: They do not pair up.
    """
    first, second = np.asarray(a, bool), np.asarray(b, bool)
    names = np.arange(first.size) if groups is None else np.asarray(groups)
    if not first.shape == second.shape == names.shape:
        raise ValueError(f"{first.shape!r} values do not pair up with {second.shape!r}")
    only_a, only_b = int((first & ~second).sum()), int((second & ~first).sum())
    _, group = np.unique(names, return_inverse=True)
    leads = np.abs(np.bincount(group, first.astype(int) - second.astype(int)).astype(int))
    # How probable each sum of leads is, from -most to most.
    most = int(leads.sum())
    chance = np.zeros(2 * most + 1)
    chance[most] = 1.0
    for lead in leads[leads > 0].tolist():
        chance = (np.roll(chance, lead) + np.roll(chance, -lead)) / 2
    apart = abs(only_a - only_b)
    as_far = np.abs(np.arange(-most, most + 1)) >= apart
    return McNemar(only_a, only_b, min(1.0, float(chance[as_far].sum())))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for how many there are, in their order.

    Whoever calls those at most 0.05 differences is wrong about any of them in at most 5 % of such
    families, however the tests hang together. Source: S. Holm, 'A simple sequentially rejective
    multiple test procedure', Scandinavian Journal of Statistics 6, 1979.

    Args:
        p_values: Of one family of tests.
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    for step, at in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - step) * p_values[at]))
        adjusted[at] = largest
    return adjusted


class RiskPoint(NamedTuple):
    """What answering only the photos with a score from a threshold on gives."""

    threshold: float
    """The lowest score that is answered."""
    coverage: float
    """Share of all photos that are answered."""
    risk: float
    """Share of the answered ones that are wrong."""


def selective_risk(scores: ArrayLike, right: ArrayLike) -> list[RiskPoint]:
    """Return the selective risk at every threshold, from the highest score to the lowest.

    Photos with the same score are answered together. Source: El-Yaniv and Wiener, "On the
    Foundations of Noise-free Selective Classification", JMLR 11, 2010.

    Args:
        scores: How sure each answer is, `[n]`, whatever the unit; -inf where there is none.
        right: Whether it is right, `[n]`.

    Raises:
        ValueError: They do not pair up.
    """
    sure, told = np.asarray(scores, float), np.asarray(right, bool)
    if sure.shape != told.shape:
        raise ValueError(f"{sure.shape!r} scores do not pair up with {told.shape!r} answers")
    order = np.argsort(-sure, kind="stable")
    ordered, wrong = sure[order], np.cumsum(~told[order])
    is_last = np.append(ordered[1:] != ordered[:-1], True)[: sure.size] & np.isfinite(ordered)
    return [
        RiskPoint(float(ordered[at]), (at + 1) / sure.size, float(wrong[at]) / (at + 1))
        for at in np.flatnonzero(is_last).tolist()
    ]


STREET_KM = (0.01, 0.025, 0.1)
"""Finer distances, shown where a set's truth is known that exactly."""

GEOSCORE_KM = 1492.7
"""Scale of GeoScore (Astruc et al., OpenStreetView-5M, 2024)."""

WRONG_KM = float("inf")
"""Error of a photo that was not answered."""


def accuracy(
    errors_km: ArrayLike,
    thresholds_km: Sequence[float] = SCALES_KM,
    accuracy_km: ArrayLike | None = None,
    places: ArrayLike | None = None,
) -> dict[float, Share]:
    """Return the share of photos placed within each distance.

    Args:
        errors_km: Geodesic, `[n]`; infinite where not answered.
        thresholds_km: Distances.
        accuracy_km: How far the truth may lie from its coordinates, `[n]`; a photo counts only
            at distances no finer than that. All count where it is left out.
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
