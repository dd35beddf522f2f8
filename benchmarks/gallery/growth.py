"""Growth: the same questions of the first 10,000, 100,000 and all rows."""

from __future__ import annotations

from benchmarks.gallery.ours import Galleries, everywhere, ids, strategy
from benchmarks.gallery.search import K, ask
from benchmarks.gallery.tables import Table, ratio
from benchmarks.gallery.timing import timed
from benchmarks.gallery.truth import exact, recall

SIZES = (10_000, 100_000, 1_000_000)
GOAL = 2.0
"""From 100,000 to 1,000,000 rows, at most this many times the median."""

HEAD = ["end", "rows", "median ms", "p95 ms", "recall@16", "against the size before", "how"]


def measure_growth(galleries: Galleries) -> list[Table]:
    """Ask both ends at every size that the rows reach, and at their own number."""
    made, rows = galleries.rows.made, len(galleries.rows)
    table = Table(f"Growth (goal 100,000 to 1,000,000: x{GOAL:g} at most)", HEAD)
    sizes = sorted({size for size in SIZES if size < rows} | {rows})
    truths = {
        size: exact(made.query_vectors, made.vectors[:size], galleries.of(size).mean(), K)
        for size in sizes
    }
    for end in ("nearest", "dissimilar"):
        before: float | None = None
        for size in sizes:
            loaded = galleries.of(size)
            found = timed(made.query_vectors, lambda query: ask(loaded, query, end, everywhere()))  # noqa: B023 - called in this round
            table.add(
                end,
                size,
                found.median_ms,
                found.p95_ms,
                recall([ids(answer) for answer in found.answers], getattr(truths[size], end)),
                None if before is None else ratio(found.median_ms, before),
                strategy(found.answers[0]),
            )
            before = found.median_ms
    return [table]
