"""What the right answers are: every query compared with every vector, in float32."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 20_000
"""Rows compared at a time, so that a million in float16 never stand in memory as float32."""

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """The exact answers to some queries, best first; the number of a row is its id."""

    nearest: Ids
    """`[queries, k]`."""
    dissimilar: Ids
    """`[queries, k]`."""
    alike: Ids | None = None
    """As `recall` takes it."""

    def recall(self, end: str, answers: Sequence[Sequence[int]] | Ids) -> float:
        """Return the recall of answers to the first so many queries at one end."""
        return recall(answers, getattr(self, end)[: len(answers)], self.alike)


def centred(vectors: NDArray[np.floating], mean: Floats | None) -> Floats:
    """Subtract `mean` and normalise, `[n, dimension]`; without one, only normalise."""
    moved = vectors.astype(np.float32)
    if mean is not None:
        moved -= mean
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(length, 1e-12), np.float32)


def mean_of(vectors: NDArray[np.float16]) -> Floats:
    """Return the mean of all rows, `[dimension]`."""
    total = np.zeros(vectors.shape[1])
    for first in range(0, len(vectors), BLOCK):
        total += vectors[first : first + BLOCK].sum(axis=0, dtype=np.float64)
    return np.asarray(total / len(vectors), np.float32)


def similarities(
    queries: Floats, vectors: NDArray[np.float16], mean: Floats | None
) -> Iterator[tuple[int, Floats]]:
    """Yield the first row of each block and the cosines with its rows, `[queries, rows]`.

    Args:
        queries: `[queries, dimension]`, not centred.
        vectors: `[n, dimension]`, not centred.
        mean: Subtracted from both; none compares raw.
    """
    asked = centred(queries, mean)
    for first in range(0, len(vectors), BLOCK):
        yield first, asked @ centred(vectors[first : first + BLOCK], mean).T


def exact(
    queries: Floats,
    vectors: NDArray[np.float16],
    mean: Floats | None,
    k: int,
    alike: Ids | None = None,
) -> Truth:
    """Return the `k` most and the `k` least similar rows of each query."""
    near, far = _Best(len(queries), k), _Best(len(queries), k)
    for first, cosines in similarities(queries, vectors, mean):
        near.take(first, cosines)
        far.take(first, -cosines)
    return Truth(near.ids(), far.ids(), alike)


def recall(
    answers: Sequence[Sequence[int]] | Ids,
    truth: Sequence[Sequence[int]] | Ids,
    alike: Ids | None = None,
) -> float:
    """Return the share of the true rows that were found, averaged over the queries.

    An answer that could not be complete (fewer rows exist) is measured by what there is.

    Args:
        answers: The rows that were found, of each query.
        truth: The right ones.
        alike: `[n]`, the first row with the same vector as this one. Which of such rows come among
            the first is chance: any of them is right, as many as there are in the truth.

    Raises:
        ValueError: There are not as many answers as truths.
    """
    shares = [
        (_counted(right, alike) & _counted(answer, alike)).total() / len(right)
        for answer, right in zip(answers, truth, strict=True)
        if len(right)
    ]
    return float(np.mean(shares)) if shares else 1.0


def _counted(rows: Sequence[int] | Ids, alike: Ids | None) -> Counter[int]:
    # The same row twice is one.
    distinct = {int(row) for row in rows}
    return Counter(distinct if alike is None else (int(alike[row]) for row in distinct))


class _Best:
    """The best `k` of each query so far."""

    def __init__(self, queries: int, k: int) -> None:
        self._k = k
        self._ids = np.full((queries, 0), -1, np.int64)
        self._scores = np.full((queries, 0), -np.inf, np.float32)

    def take(self, first: int, scores: Floats) -> None:
        k = min(self._k, scores.shape[1])
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        self._ids = np.hstack([self._ids, top + first])
        self._scores = np.hstack([self._scores, np.take_along_axis(scores, top, axis=1)])
        order = np.argsort(-self._scores, axis=1, kind="stable")[:, : self._k]
        self._ids = np.take_along_axis(self._ids, order, axis=1)
        self._scores = np.take_along_axis(self._scores, order, axis=1)

    def ids(self) -> Ids:
        return self._ids
