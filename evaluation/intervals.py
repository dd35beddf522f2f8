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


def mcnemar(a: ArrayLike, b: ArrayLike) -> McNemar:
    """Return McNemar's test of two runs, right or wrong on the same photos.

    Exact by the binomial: it holds for small counts, and costs nothing for large ones. Source:
    Q. McNemar, Psychometrika 12, 1947.

    Args:
        a: Whether the first run was right, `[n]`.
        b: Whether the second was, `[n]`.

    Raises:
        ValueError: They do not pair up.
    """
    first, second = np.asarray(a, bool), np.asarray(b, bool)
    if first.shape != second.shape:
        raise ValueError(f"{first.shape!r} values do not pair up with {second.shape!r}")
    only_a, only_b = int((first & ~second).sum()), int((second & ~first).sum())
    if only_a + only_b == 0:
        return McNemar(0, 0, 1.0)
    from scipy.stats import binomtest  # noqa: PLC0415 - as in `wilson`

    return McNemar(only_a, only_b, float(binomtest(only_a, only_a + only_b).pvalue))
