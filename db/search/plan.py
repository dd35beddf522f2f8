"""Which way a search goes: past every vector of its region, or along the index.

Postgres's planner cannot tell (see `cell_counts`), so the choice is made here and recorded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from geofix.db.search.partition import Partition, VectorIndex
from geofix.db.search.query import Way

EXACT_ROWS = 20_000
"""Up to this many vectors are compared one by one, which misses nothing."""

REGION_NEAREST, REGION_DISSIMILAR = (50_000, 0.05), (120_000, 0.12)
"""Up to so many in a region are too, where they are no greater a share of all: the smaller the
share, the more of a graph lies outside. In a million, 40,000 took 48 ms where the index took 32 to
104 for the nearest and 120 for the most dissimilar (of which it found 0.93); 60,000 took 70, and
the index 27 to 61 and 93 to 102; 100,000 took 104, and the index 68 to 71 for 0.93."""

LARGEST_EF = 1000
"""pgvector's own limit."""

PART_ROWS = 250_000
"""Vectors in one graph of an index, before there are `MOST_PARTS`."""

MOST_PARTS = 8

SMALLEST_PART = 25_000
"""An index of fewer than twice as many is one graph."""

NEAREST_EF, DISSIMILAR_EF = 190, 1000
"""Candidates to keep in view in one graph of at most `PART_ROWS`: that many vectors gave 0.99 of
the nearest 16 (at 150) and 0.96 of the most dissimilar, which are all about equally unlike and take
a wider view to tell apart."""

WIDENS = 0.7
"""How the view grows with more vectors in a graph: a million in one took 400 for the nearest."""

NARROWS = 0.45
"""How it shrinks with the number of graphs, of which each holds fewer of those looked for: in four
of 250,000 vectors 96 gave 0.989 of the nearest 16 in one build and 102 gave 0.992, 536 gave 0.95
and 0.96 of the most dissimilar."""

FEW_PARTS = 2
"""The view of the most dissimilar is not narrowed in so few graphs: of GeoCLIP's 99,800 places 732
gave 0.94 of them, 1000 gave 0.96; of 100,000 made vectors either gives 0.99."""

COMPACT_EF = 400
"""Candidates a compact graph of at most `PART_ROWS` keeps in view of the nearest, and then compares
exactly; its own order is by one bit a dimension. 250,000 vectors gave 0.98 of the nearest 16."""

ROOM = 1
"""In a region, how many times as many candidates as photos asked for should at first lie inside it;
the scan goes on where it finds too few. 4 was not better: 0.998 of the nearest in a circle of
100,000 of a million either way, in 58 ms instead of 22."""


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """How to search one partition."""

    way: Way
    ef_search: int | None = None
    """How many candidates each graph of the index keeps in view."""
    connections: int = 1
    """How many graphs are searched at once."""


def parts_for(vectors: int) -> int:
    """Return of how many graphs an index over so many vectors is made."""
    if vectors < 2 * SMALLEST_PART:
        return 1
    return min(MOST_PARTS, max(2, math.ceil(vectors / PART_ROWS)))


def widths(index: VectorIndex) -> tuple[int, int]:
    """Return how wide a view finds the nearest and the most dissimilar anywhere."""
    larger = max(1.0, index.photos / index.parts / PART_ROWS) ** WIDENS
    if index.kind == "compact":
        return min(LARGEST_EF, round(COMPACT_EF * larger)), LARGEST_EF
    wider = larger * index.parts**-NARROWS
    return (
        min(LARGEST_EF, round(NEAREST_EF * wider)),
        min(LARGEST_EF, round(DISSIMILAR_EF * (larger if index.parts <= FEW_PARTS else wider))),
    )


def plan_search(
    partition: Partition,
    *,
    rows: int,
    total: int,
    limit: int,
    sign: float,
    raw: bool,
    cores: int = 1,
) -> SearchPlan:
    """Choose the way.

    Args:
        partition: What is searched.
        rows: About how many vectors the search covers.
        total: How many there are.
        limit: How many are asked for.
        sign: 1 for the most similar, -1 for the most dissimilar.
        raw: Whether vectors are compared raw, for which there is no index.
        cores: How many graphs the server can search at once.
    """
    if partition.index is None or raw or rows <= max(_exact_up_to(rows, total, sign), limit):
        return SearchPlan("exact")
    wanted = widths(partition.index)[0 if sign > 0 else 1]
    if rows < total:
        wanted = max(wanted, ROOM * limit * total // (rows * partition.index.parts))
    return SearchPlan(
        "index",
        ef_search=min(LARGEST_EF, max(wanted, limit)),
        connections=min(partition.index.parts, cores),
    )


def _exact_up_to(rows: int, total: int, sign: float) -> float:
    """Return up to how many vectors are compared one by one."""
    if rows >= total:
        return EXACT_ROWS
    most, share = REGION_NEAREST if sign > 0 else REGION_DISSIMILAR
    return max(EXACT_ROWS, min(most, share * total))
