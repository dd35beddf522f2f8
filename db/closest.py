"""What is asked of one partition's vectors, and how statements give it: photo ids and distances."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Executable, Integer, Text, bindparam, func, select

from geofix.db.likeness import Likeness
from geofix.db.partition import Partition
from geofix.db.search import Search

Ranked = list[tuple[int, float]]
"""Photo id and 1 - cosine, closest first."""

LIMIT = bindparam("limit", type_=Integer())


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a partition."""

    likeness: Likeness
    sign: float
    """1 for the most similar, -1 for the most dissimilar."""
    limit: int
    search: Search
    gallery_ids: tuple[int, ...] | None = None
    """Of the galleries to search; none means all."""

    def parameters(self) -> dict[str, object]:
        """Return what fills the places in the statements that compare."""
        return {**self.likeness.parameters(), "limit": self.limit}


def conditions(partition: Partition, asked: Asked) -> list[ColumnElement[bool]]:
    """Return what rows have to satisfy beside being close."""
    rows = partition.table
    wanted = [where for area in asked.search.areas for where in area.conditions(rows)]
    if asked.search.outside is not None:
        wanted.append(asked.search.outside.outside(rows))
    if asked.gallery_ids is not None:
        wanted.append(rows.c.gallery_id.in_(asked.gallery_ids))
    return wanted


def ranked(
    connection: Connection, statement: Executable, parameters: Mapping[str, object]
) -> Ranked:
    """Return what a statement selects: photo ids and distances."""
    rows = [(row[0], row[1]) for row in connection.execute(statement, parameters)]
    # A vector without direction, one that is the mean, is like nothing and never found.
    return closest_first([(int(id_), float(d)) for id_, d in rows if d is not None])


def closest_first(found: Ranked) -> Ranked:
    """Return what was found in order, ties by the lower id, without what has no distance."""
    there = [one for one in found if not math.isnan(one[1])]
    return sorted(there, key=lambda one: (one[1], one[0]))


def settings(*names: str) -> Executable:
    """Return a statement that sets what holds until the transaction ends, from its parameters."""
    calls = (
        func.set_config(name, bindparam(name.replace(".", "_"), type_=Text()), True)
        for name in names
    )
    return select(*calls)
