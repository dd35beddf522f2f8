"""Search one partition on one server: the closest vectors' photo ids and distances."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    Select,
    column,
    func,
    literal,
    select,
)

from geofix.db.area import common_boxes
from geofix.db.cell_counts import CellCounts
from geofix.db.cells import cell_ranges
from geofix.db.likeness import Likeness, check_dimension
from geofix.db.partition import Partition
from geofix.db.plan import Plan, plan
from geofix.db.search import How, Search

Ranked = list[tuple[int, float]]
"""Photo id and 1 - cosine, closest first."""

SCANNED_TUPLES = 40_000
"""How far an index scan goes on for photos inside a region before it gives up."""

SCAN_MEMORY = "64MB"
"""For candidates that were seen and not asked for yet; pgvector stops early with the usual 4 MB."""


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


def search_partition(
    connection: Connection, partition: Partition, counts: CellCounts, asked: Asked, server: str
) -> tuple[Ranked, How]:
    """Return the closest vectors of one partition, and how they were found.

    Raises:
        GalleryError: The query has another dimension than the partition's vectors.
    """
    check_dimension(asked.likeness.probe, partition.dimension)
    rows = counts.covered(asked.gallery_ids, asked.search.areas, asked.search.outside)
    chosen = plan(
        partition,
        rows=rows,
        total=counts.total,
        limit=asked.limit,
        sign=asked.sign,
        raw=asked.likeness.mean is None,
    )
    if asked.search.exact or chosen.way == "exact":
        return _exactly(connection, partition, counts, asked), How(server, "exact", rows)
    found, how = _by_index(connection, partition, asked, chosen, How(server, "index", rows))
    if len(found) < min(asked.limit, rows):
        note = (
            f"the index gave {len(found)} photos before {SCANNED_TUPLES} candidates were seen;"
            " every vector there was compared"
        )
        found = _exactly(connection, partition, counts, asked)
        how = replace(how, way="exact", note=note)
    return found, how


def _by_index(
    connection: Connection, partition: Partition, asked: Asked, chosen: Plan, how: How
) -> tuple[Ranked, How]:
    index = partition.index
    if index is None:
        raise ValueError(f"the plan names an index that {partition.table.name!r} does not have")
    _set(
        connection,
        {
            "hnsw.ef_search": chosen.ef_search,
            "hnsw.iterative_scan": "relaxed_order",
            "hnsw.max_scan_tuples": SCANNED_TUPLES,
            "work_mem": SCAN_MEMORY,
            "enable_seqscan": "off",
            "enable_sort": "off",
        },
    )
    rows = partition.table
    distance = asked.likeness.exact(partition).label("distance")
    candidates = (
        select(rows.c.photo_id, distance)
        .where(rows.c.photo_id <= index.upto, *conditions(partition, asked))
        .order_by(asked.likeness.by_index(partition))
    )
    width = chosen.ef_search if index.kind == "compact" else asked.limit
    found = _ranked(connection, candidates.limit(width))
    how = replace(how, ef_search=chosen.ef_search, index=index.name)
    if partition.newest_photo > index.upto:
        later = _limited(partition, asked).where(rows.c.photo_id > index.upto)
        tail = _ranked(connection, later)
        found = sorted([*found, *tail], key=_by_distance)
        how = replace(how, unindexed=bool(tail))
    return found[: asked.limit], how


def _exactly(
    connection: Connection, partition: Partition, counts: CellCounts, asked: Asked
) -> Ranked:
    boxes = common_boxes(asked.search.areas)
    if boxes is None:
        _set(connection, {"enable_sort": "on", "enable_seqscan": "on"})
        return _ranked(connection, _limited(partition, asked))
    _set(connection, {"enable_sort": "on", "enable_seqscan": "off"})
    ranges = cell_ranges(boxes)
    first, last = zip(*ranges, strict=True)
    unnested = func.unnest(_integers(first), _integers(last))
    spans = unnested.table_valued(column("first", Integer), column("last", Integer))
    spans = spans.render_derived()
    cell = partition.table.c.cell
    inside = _limited(partition, asked).join(spans, cell.between(spans.c.first, spans.c.last))
    # Named also where all are asked: the index over regions begins with the gallery.
    galleries = asked.gallery_ids or tuple(np.unique(counts.galleries).tolist())
    return _ranked(connection, inside.where(partition.table.c.gallery_id.in_(galleries)))


def _limited(partition: Partition, asked: Asked) -> Select[Any]:
    """Select the closest of all that satisfy the conditions, ties by the lower id."""
    rows = partition.table
    distance = asked.likeness.exact(partition).label("distance")
    return (
        select(rows.c.photo_id, distance)
        .select_from(rows)
        .where(*conditions(partition, asked))
        .order_by(distance, rows.c.photo_id)
        .limit(asked.limit)
    )


def conditions(partition: Partition, asked: Asked) -> list[ColumnElement[bool]]:
    """Return what rows have to satisfy beside being close."""
    rows = partition.table
    wanted = [where for area in asked.search.areas for where in area.conditions(rows)]
    if asked.search.outside is not None:
        wanted.append(asked.search.outside.outside(rows))
    if asked.gallery_ids is not None:
        wanted.append(rows.c.gallery_id.in_(asked.gallery_ids))
    return wanted


def _ranked(connection: Connection, statement: Select[Any]) -> Ranked:
    rows = [(row[0], row[1]) for row in connection.execute(statement)]
    # A vector without direction, one that is the mean, is like nothing and never found.
    found = [(int(id_), float(d)) for id_, d in rows if d is not None and not math.isnan(d)]
    return sorted(found, key=_by_distance)


def _by_distance(ranked: tuple[int, float]) -> tuple[float, int]:
    return ranked[1], ranked[0]


def _integers(values: tuple[int, ...]) -> ColumnElement[Any]:
    return literal(list(values), ARRAY(Integer))


def _set(connection: Connection, settings: Mapping[str, object]) -> None:
    """Set what holds until the transaction ends."""
    calls = [func.set_config(name, str(value), True) for name, value in settings.items()]
    connection.execute(select(*calls))
