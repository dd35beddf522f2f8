"""Raw against centred: what subtracting the mean does to answers, to places and to an index."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from benchmarks.gallery.database import Server
from benchmarks.gallery.graphs import graph_recalls
from benchmarks.gallery.rows import Rows
from benchmarks.gallery.sets import VectorSet, drawn_set, real_sets_beside
from benchmarks.gallery.tables import Table
from benchmarks.gallery.truth import Truth, exact, mean_of
from geofix.tools.geo.distance import haversine_km

K = 16
COMMONEST = 50

ANSWERS_HEAD = [
    "set", "vectors", "first within 25 km", "first within 200 km",
    "distinct rows among dissimilar answers, of possible", f"share of the {COMMONEST} commonest",
    "nearest 16 shared with raw", "dissimilar 16 shared with raw",
]  # fmt: skip


def measure_centring(server: Server, rows: Rows) -> list[Table]:
    """Compare exact answers of all sets, and indexes over the large ones."""
    answers = Table(f"Raw and centred vectors, exact answers, k = {K}", ANSWERS_HEAD)
    graphs = Table(
        f"HNSW (m 16, ef_construction 64) over raw and over centred vectors, k = {K}",
        ["set", "vectors", "build s", "end", "ef_search", "median ms", "recall@16"],
    )
    for asked in (*real_sets_beside(rows), drawn_set(rows.name, rows.drawn)):
        mean = mean_of(asked.vectors)
        truths = {"raw": answer(asked, None), "centred": answer(asked, mean)}
        for vectors, truth in truths.items():
            _add(answers, asked, vectors, truth, truths["raw"])
        if not asked.leave_one_out:
            graph_recalls(graphs, server, asked, mean, truths)
    return [answers, graphs]


def answer(asked: VectorSet, mean: NDArray[np.float32] | None) -> Truth:
    """Return the exact answers, without the row itself where rows are asked."""
    if not asked.leave_one_out:
        return exact(asked.queries, asked.vectors, mean, K, asked.alike)
    found = exact(asked.queries, asked.vectors, mean, K + 1)
    kept = [_without(row, ids) for row, ids in enumerate(found.nearest)]
    return Truth(np.array(kept), found.dissimilar[:, :K])


def spread(answers: NDArray[np.int64]) -> tuple[int, float]:
    """Say how far answers depend on the question.

    Returns:
        How many distinct rows there are among all answers, and the share of all answers that the
        commonest rows supply.
    """
    counts = Counter(answers.ravel().tolist())
    common = sum(count for _, count in counts.most_common(COMMONEST))
    return len(counts), common / answers.size


def _without(row: int, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    others: NDArray[np.int64] = ids[ids != row]
    return others[:K]


def _add(table: Table, asked: VectorSet, vectors: str, truth: Truth, raw: Truth) -> None:
    first = asked.places[truth.nearest[:, 0]]
    off_km = haversine_km(*asked.query_places.T, *first.T)
    distinct, common = spread(truth.dissimilar)
    table.add(
        asked.name,
        vectors,
        *(f"{np.mean(off_km <= limit):.1%}" for limit in (25.0, 200.0)),
        f"{distinct:,d} of {min(truth.dissimilar.size, len(asked.vectors)):,d}",
        f"{common:.1%}",
        *(f"{raw.recall(end, getattr(truth, end)):.1%}" for end in ("nearest", "dissimilar")),
    )
