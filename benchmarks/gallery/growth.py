"""Growth: the same questions of the first 10,000, 25,000, 100,000 and all rows."""

from __future__ import annotations

from benchmarks.gallery.geofix_gallery import Galleries, everywhere, ids, strategy
from benchmarks.gallery.search import K, ask
from benchmarks.gallery.tables import Table, ratio
from benchmarks.gallery.timing import timed

SIZES = (10_000, 25_000, 100_000, 1_000_000)
"""The first is searched exactly, the second is the least that is searched by the index."""

GOAL = 2.0
"""From 100,000 to 1,000,000 rows, at most this many times the median."""

HEAD = ["end", "rows", "median ms", "p95 ms", "recall@16", "against the size before", "how"]


def measure_growth(galleries: Galleries) -> list[Table]:
    """Ask both ends at every size that the rows reach, and at their own number."""
    drawn, rows = galleries.rows.drawn, len(galleries.rows)
    sizes = sizes_up_to(rows)
    title = f"Growth, k = {K}, {galleries.rows.name}"
    if {100_000, 1_000_000} <= set(sizes):
        title += f" (goal 100,000 to 1,000,000: x{GOAL:g} at most)"
    table = Table(title, HEAD)
    truths = {size: drawn.truth(galleries.of(size).mean(), K, size) for size in sizes}
    for end in ("nearest", "dissimilar"):
        before: float | None = None
        for size in sizes:
            loaded = galleries.of(size)
            found = timed(drawn.query_vectors, lambda query: ask(loaded, query, end, everywhere()))  # noqa: B023 - called in this round
            table.add(
                end,
                size,
                found.median_ms,
                found.p95_ms,
                truths[size].recall(end, [ids(answer) for answer in found.answers]),
                None if before is None else ratio(found.median_ms, before),
                strategy(found.answers[0]),
            )
            before = found.median_ms
    return [table]


def sizes_up_to(rows: int) -> list[int]:
    """Return what sizes are asked of so many rows: those that are smaller, and their own number."""
    return sorted({size for size in SIZES if size < rows} | {rows})
