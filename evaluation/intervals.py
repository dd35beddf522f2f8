"""How sure a measured share is, and whether two runs over the same photos differ."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2_000
"""Of the bootstrap: the ends of a 95 % interval then move by about a thirtieth of its width."""

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
        raise ValueError(f"{right!r} of {photos!r} photos is no share")
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
