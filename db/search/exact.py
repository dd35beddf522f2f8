"""Compare a query with every vector of its region, one by one: misses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    TableClause,
    bindparam,
    column,
    func,
    literal_column,
    or_,
    select,
    true,
)

from geofix.db.engine import cores_of
from geofix.db.search.area import common_boxes
from geofix.db.search.counts import CellCounts, cell_ranges
from geofix.db.search.partition import Partition
from geofix.db.search.similarity import (
    LIMIT,
    PartitionQuery,
    Ranked,
    ask_in_parallel,
    closest_first,
    exact_distance,
    fetch_ranked,
    query_conditions,
)

PLAIN = {"enable_sort": "on", "enable_seqscan": "on"}
BY_REGION = {"enable_sort": "on", "enable_seqscan": "off"}

ROWS_A_CONNECTION = 2_000
"""Vectors of a region that are worth a connection of their own."""

INTEGERS = ARRAY(Integer)

Spans = list[tuple[int, int]]
"""First and last cell of each."""

Cells = dict[str, list[int]]
"""The same, as parameters."""

SPANS = (
    func.unnest(bindparam("first", type_=INTEGERS), bindparam("last", type_=INTEGERS))
    .table_valued(column("first", Integer), column("last", Integer))
    .render_derived()
)
"""Ranges of cells, which the index over regions is asked for one after another."""


def search_exactly(
    engine: Engine,
    connection: Connection,
    partition: Partition,
    counts: CellCounts,
    asked: PartitionQuery,
    rows: int,
) -> Ranked:
    """Return the closest of all vectors that the search covers.

    Args:
        engine: Whose server; a region of many vectors is gone through over several connections.
        connection: To it, without a transaction.
        partition: What is searched.
        counts: Of the partition.
        asked: For what.
        rows: About how many vectors that are.
    """
    boxes = common_boxes(asked.search.areas)
    wanted = query_conditions(partition, asked)
    raw = asked.prepared.mean is None
    parameters = asked.parameters()
    if boxes is None:
        everywhere = _closest(partition.table, raw=raw).where(*wanted)
        return fetch_ranked(connection, partition, PLAIN, everywhere, parameters)
    # Named also where all are asked: the index over regions begins with the gallery.
    galleries = asked.gallery_ids or tuple(np.unique(counts.galleries).tolist())
    wanted = [*wanted, partition.table.c.gallery_id.in_(galleries)]
    spans = cell_ranges(boxes)
    if partition.distributed:
        # Its workers share the work out themselves.
        inside = _closest(partition.table, raw=raw).where(*wanted, _in_cells(partition, spans))
        return fetch_ranked(connection, partition, BY_REGION, inside, parameters)
    at_once = min(len(spans), cores_of(engine), max(1, rows // ROWS_A_CONNECTION))
    shares = [_within(spans[first::at_once]) for first in range(at_once)]
    inside = _closest_in_cells(partition.table, wanted, raw=raw)

    def ask(other: Connection, share: Cells) -> Ranked:
        return fetch_ranked(other, partition, BY_REGION, inside, {**parameters, **share})

    with ask_in_parallel(engine, shares[1:], ask) as found:
        found += fetch_ranked(connection, partition, BY_REGION, inside, {**parameters, **shares[0]})
    return closest_first(found)[: asked.limit]


def search_later(
    connection: Connection, partition: Partition, asked: PartitionQuery, upto: int
) -> Ranked:
    """Return the closest of the photos that came after the index."""
    raw = asked.prepared.mean is None
    later = _closest(partition.table, raw=raw).where(
        partition.table.c.photo_id > bindparam("upto", type_=BigInteger()),
        *query_conditions(partition, asked),
    )
    return fetch_ranked(
        connection, partition, BY_REGION, later, {**asked.parameters(), "upto": upto}
    )


def _within(spans: Spans) -> Cells:
    """Return what fills the places in `SPANS`."""
    first, last = map(list, zip(*spans, strict=True))
    return {"first": first, "last": last}


def _in_cells(partition: Partition, spans: Spans) -> ColumnElement[bool]:
    """Return the same as a condition: Citus sends no limit within a join to its workers.

    On one server it takes as long for circles of 100 and 300 km, 1.6 and 3.8 times for 1,000 and
    3,000 km (20,000 of 60,000 vectors), so it is not used there.
    """
    return or_(*(partition.table.c.cell.between(first, last) for first, last in spans))


@lru_cache
def _compared(rows: TableClause, *, raw: bool) -> Select[Any]:
    return select(rows.c.photo_id, exact_distance(rows, raw=raw).label("distance"))


@lru_cache
def _closest(rows: TableClause, *, raw: bool) -> Select[Any]:
    """Select the closest of all, ties by the lower id."""
    compared = _compared(rows, raw=raw)
    return compared.order_by(compared.selected_columns.distance, rows.c.photo_id).limit(LIMIT)


def _closest_in_cells(
    rows: TableClause, wanted: Sequence[ColumnElement[bool]], *, raw: bool
) -> Select[Any]:
    """Select the closest of those in `SPANS` that satisfy what is wanted.

    Each span is compared where it is read: `OFFSET 0` keeps Postgres from joining first and
    sorting whole vectors afterwards, which took 25 ms with two more processes and 138 without, and
    takes 13 so (10,000 of 100,000 vectors).
    """
    there = (
        _compared(rows, raw=raw)
        .where(*wanted, rows.c.cell.between(SPANS.c.first, SPANS.c.last))
        .offset(literal_column("0"))
        .lateral()
    )
    return (
        select(there.c.photo_id, there.c.distance)
        .select_from(SPANS.join(there, true()))
        .order_by(there.c.distance, there.c.photo_id)
        .limit(LIMIT)
    )
