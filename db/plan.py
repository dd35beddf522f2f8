"""Which way a search goes: past every vector of its region, or along the index.

Postgres's planner cannot tell (see `cell_counts`), so the choice is made here and recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

from geofix.db.partition import Partition
from geofix.db.search import Way

EXACT_ROWS = 20_000
"""Up to this many vectors are compared one by one, which misses nothing; 10,000 in a region of a
larger table took 27 to 48 ms."""

LARGEST_EF = 1000
"""pgvector's own limit."""

NEAREST_EF = 400
DISSIMILAR_EF = 1000
"""Least alike vectors are all about equally unlike, and take a wider view to tell apart."""

ROOM = 4
"""In a region, how many times more candidates than photos asked for should lie inside it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to search one partition."""

    way: Way
    ef_search: int | None = None
    """How many candidates the index keeps in view."""


def plan(
    partition: Partition, *, rows: int, total: int, limit: int, sign: float, raw: bool
) -> Plan:
    """Choose the way.

    Args:
        partition: What is searched.
        rows: About how many vectors the search covers.
        total: How many there are.
        limit: How many are asked for.
        sign: 1 for the most similar, -1 for the most dissimilar.
        raw: Whether vectors are compared raw, for which there is no index.
    """
    if partition.index is None or raw or rows <= max(EXACT_ROWS, limit):
        return Plan("exact")
    wanted = NEAREST_EF if sign > 0 else DISSIMILAR_EF
    if rows < total:
        wanted = max(wanted, ROOM * limit * total // rows)
    return Plan("index", ef_search=min(LARGEST_EF, max(wanted, limit)))
