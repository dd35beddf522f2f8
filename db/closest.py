"""What is asked of one partition's vectors, and how statements give it: photo ids and distances."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Integer,
    Select,
    Text,
    bindparam,
    func,
    select,
)

from geofix.db.likeness import Likeness
from geofix.db.partition import Partition
from geofix.db.round_trip import AHEAD, Ahead, Transaction
from geofix.db.search import Search

Ranked = list[tuple[int, float]]
"""Photo id and 1 - cosine, closest first."""

LIMIT = bindparam("limit", type_=Integer())

Settings = Mapping[str, str]
"""What a search runs under, by name; it ends with the search."""


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
        return {**self.likeness.parameters, "limit": self.limit, **self._places()}

    def _places(self) -> dict[str, object]:
        places: dict[str, object] = {}
        for number, area in enumerate(self.search.areas):
            places |= area.parameters(f"area{number}")
        if self.search.outside is not None:
            places |= self.search.outside.parameters("outside")
        return places


def conditions(partition: Partition, asked: Asked) -> list[ColumnElement[bool]]:
    """Return what rows have to satisfy beside being close."""
    rows = partition.table
    wanted: list[ColumnElement[bool]] = []
    for number, area in enumerate(asked.search.areas):
        wanted += area.conditions(rows, f"area{number}")
    if asked.search.outside is not None:
        wanted.append(asked.search.outside.outside(rows, "outside"))
    if asked.gallery_ids is not None:
        wanted.append(rows.c.gallery_id.in_(asked.gallery_ids))
    return wanted


def ranked(
    connection: Connection,
    partition: Partition,
    settings: Settings,
    statement: Executable,
    parameters: Mapping[str, object],
) -> Ranked:
    """Return what a statement selects under some settings: photo ids and distances."""
    ahead = (
        # Citus sends workers only what it is told literally, in a transaction. Elsewhere that would
        # cost: eight statements more in the trip took a read of one row from 0.46 to 0.58 ms.
        Transaction(tuple(settings.items()))
        if partition.distributed
        else Ahead(_set(tuple(settings)), {_place(name): settings[name] for name in settings})
    )
    rows = connection.execute(statement, parameters, execution_options={AHEAD: ahead}).all()
    # A vector without direction, one that is the mean, is like nothing and never found.
    return closest_first([(int(row[0]), float(row[1])) for row in rows if row[1] is not None])


def closest_first(found: Ranked) -> Ranked:
    """Return what was found in order, ties by the lower id, without what has no distance."""
    there = [one for one in found if not math.isnan(one[1])]
    return sorted(there, key=lambda one: (one[1], one[0]))


@lru_cache
def _set(names: tuple[str, ...]) -> Select[Any]:
    """Return a statement that sets what holds until the transaction ends, from its parameters."""
    calls = (func.set_config(name, bindparam(_place(name), type_=Text()), True) for name in names)
    return select(*calls)


def _place(name: str) -> str:
    return name.replace(".", "_")
