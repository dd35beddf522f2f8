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
    Integer,
    Select,
    TableClause,
    bindparam,
    column,
    func,
    literal_column,
    select,
    true,
)

from geofix.db.area import common_boxes
from geofix.db.build_memory import cores_of
from geofix.db.cell_counts import CellCounts
from geofix.db.cells import cell_ranges
from geofix.db.closest import LIMIT, Asked, Ranked, closest_first, conditions, ranked, settings
from geofix.db.likeness import exact_distance
from geofix.db.partition import Partition
from geofix.db.round_trip import Ahead
from geofix.db.servers import Server
from geofix.db.side_connections import ask_at_once

SETTINGS = settings("enable_sort", "enable_seqscan")

ROWS_A_CONNECTION = 2_000
"""Vectors of a region that are worth a connection of their own."""

INTEGERS = ARRAY(Integer)

Spans = list[tuple[int, int]]
"""First and last cell of each."""

SPANS = (
    func.unnest(bindparam("first", type_=INTEGERS), bindparam("last", type_=INTEGERS))
    .table_valued(column("first", Integer), column("last", Integer))
    .render_derived()
)
"""Ranges of cells, which the index over regions is asked for one after another."""


def search_exactly(
    server: Server,
    connection: Connection,
    partition: Partition,
    counts: CellCounts,
    asked: Asked,
    rows: int,
) -> Ranked:
    """Return the closest of all vectors that the search covers.

    Args:
        server: Where; a region of many vectors is gone through over several connections.
        connection: To it, in a transaction.
        partition: What is searched.
        counts: Of the partition.
        asked: For what.
        rows: About how many vectors that are.
    """
    boxes = common_boxes(asked.search.areas)
    if boxes is None:
        raw = asked.likeness.mean is None
        everywhere = _closest(partition.table, raw=raw).where(*conditions(partition, asked))
        return ranked(connection, _sorting(seqscan="on"), everywhere, asked.parameters())
    return _search_cells(server, connection, partition, counts, asked, cell_ranges(boxes), rows)


def search_later(connection: Connection, partition: Partition, asked: Asked, upto: int) -> Ranked:
    """Return the closest of the photos that came after the index."""
    raw = asked.likeness.mean is None
    later = _closest(partition.table, raw=raw).where(
        partition.table.c.photo_id > bindparam("upto", type_=BigInteger()),
        *conditions(partition, asked),
    )
    parameters = {**asked.parameters(), "upto": upto}
    return ranked(connection, _sorting(seqscan="off"), later, parameters)


def _search_cells(
    server: Server,
    connection: Connection,
    partition: Partition,
    counts: CellCounts,
    asked: Asked,
    spans: Spans,
    rows: int,
) -> Ranked:
    # Named also where all are asked: the index over regions begins with the gallery.
    galleries = asked.gallery_ids or tuple(np.unique(counts.galleries).tolist())
    wanted = [*conditions(partition, asked), partition.table.c.gallery_id.in_(galleries)]
    inside = _closest_in_cells(partition.table, wanted, raw=asked.likeness.mean is None)
    parameters = asked.parameters()

    def ask(where: Connection, share: Spans) -> Ranked:
        first, last = map(list, zip(*share, strict=True))
        within = {**parameters, "first": first, "last": last}
        return ranked(where, _sorting(seqscan="off"), inside, within)

    at_once = min(len(spans), cores_of(server.engine), max(1, rows // ROWS_A_CONNECTION))
    shares = [spans[first::at_once] for first in range(at_once)]
    return closest_first(ask_at_once(server, connection, shares, ask))[: asked.limit]


def _sorting(*, seqscan: str) -> Ahead:
    return Ahead(SETTINGS, {"enable_sort": "on", "enable_seqscan": seqscan})


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
