"""How alike the vectors of a set are: what a made set has to look like, and whether it does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.gallery.tables import Table
from benchmarks.gallery.truth import centred, mean_of, similarities

PERCENTILES = (0.1, 1.0, 50.0, 99.0, 99.9)
PAIRS = 200_000
SAMPLE = 20_000

HEAD = [
    "vectors", "norm of mean", *(f"{p:g} %" for p in PERCENTILES),
    "nearest", "16th", "farthest", "participation",
]  # fmt: skip


def cosine_table() -> Table:
    """Return an empty table for `describe`."""
    return Table("Raw cosines of random pairs, of queries' nearest, 16th and farthest", HEAD)


def describe(
    table: Table,
    name: str,
    vectors: NDArray[np.float16],
    queries: NDArray[np.float32],
    *,
    leave_one_out: bool = False,
) -> None:
    """Add one set of unit vectors to the table.

    Args:
        table: Made by `cosine_table`.
        name: Of the set.
        vectors: `[n, dimension]`.
        queries: `[queries, dimension]`, held out; the median over them is shown.
        leave_one_out: Whether the queries are the rows themselves, which then do not count.
    """
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, len(vectors), (2, PAIRS))
    apart = left != right
    pairs = np.concatenate(
        [
            np.einsum("ij,ij->i", vectors[a].astype(np.float32), vectors[b].astype(np.float32))
            for a, b in zip(
                np.array_split(left[apart], 20), np.array_split(right[apart], 20), strict=True
            )
        ]
    )
    ends = _ends(vectors, queries, skip=1 if leave_one_out else 0)
    mean = mean_of(vectors)
    table.add(
        f"{name} ({len(vectors):,d} x {vectors.shape[1]})",
        float(np.linalg.norm(mean)),
        *(float(value) for value in np.percentile(pairs, PERCENTILES)),
        *ends,
        participation(centred(vectors[:SAMPLE], mean)),
    )


def participation(vectors: NDArray[np.float32]) -> float:
    """Return how many directions share the variance: (sum of variances)^2 / sum of squares."""
    moved = vectors - vectors.mean(axis=0)
    covariance = moved.T @ moved
    return float(np.trace(covariance) ** 2 / np.square(covariance).sum())


def _ends(
    vectors: NDArray[np.float16], queries: NDArray[np.float32], *, skip: int
) -> tuple[float, float, float]:
    best = np.empty((len(queries), 0), np.float32)
    worst = np.full(len(queries), np.inf, np.float32)
    for _, cosines in similarities(queries, vectors, None):
        worst = np.minimum(worst, cosines.min(axis=1))
        best = -np.sort(-np.hstack([best, cosines]), axis=1)[:, : 16 + skip]
    nearest, sixteenth = best[:, skip], best[:, -1]
    return float(np.median(nearest)), float(np.median(sixteenth)), float(np.median(worst))
