"""Searches through the index: its parts in parallel, then the photos that are newer than it.

As many parts are searched at once as the server has cores. The results are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    TableClause,
    bindparam,
    literal_column,
    select,
    union_all,
)

from geofix.db.search.exact import search_later
from geofix.db.search.partition import Kind, Partition
from geofix.db.search.plan import SearchPlan
from geofix.db.search.query import How
from geofix.db.search.similarity import (
    LIMIT,
    PartitionQuery,
    Ranked,
    Settings,
    ask_in_parallel,
    closest_first,
    exact_distance,
    fetch_ranked,
    index_distance,
    query_conditions,
)

SCANNED_TUPLES = 40_000
"""Number of rows that an index scan visits for photos inside a region before it gives up."""

SCAN_MEMORY = "64MB"
"""Memory for candidates that an iterative scan has seen; with 4 MB pgvector stops early."""

UPTO, PARTS = (bindparam(name, type_=BigInteger()) for name in ("upto", "parts"))


def search_index(
    engine: Engine,
    connection: Connection,
    partition: Partition,
    asked: PartitionQuery,
    chosen: SearchPlan,
    how: How,
) -> tuple[Ranked, How]:
    """Return the closest vectors by the index, and among photos newer than it.

    Args:
        engine: Whose server; further connections are opened for as many parts as go at once.
        connection: To it, without a transaction.
        partition: What is searched.
        asked: For what.
        chosen: The plan, which names the index.
        how: Filled in with how it went.

    Raises:
        ValueError: The partition has no index.
    """
    index = partition.index
    if index is None:
        raise ValueError(f"the plan names an index that {partition.table.name!r} does not have")
    where = query_conditions(partition, asked)
    limit = asked.limit
    if index.kind == "compact":
        limit = max(limit, chosen.ef_search or 0)
    parameters = {
        **asked.parameters(), "upto": index.upto, "parts": index.parts, "limit": limit
    }  # fmt: skip
    shares = [
        range(index.parts)[first :: chosen.connections] for first in range(chosen.connections)
    ]
    statements = [
        _statement(partition, tuple(share) if index.parts > 1 else (), where) for share in shares
    ]
    iterative = bool(where)
    while True:
        settings = _settings(chosen.ef_search, iterative=iterative)

        def ask(other: Connection, statement: Executable, settings: Settings = settings) -> Ranked:
            return fetch_ranked(other, partition, settings, statement, parameters)

        with ask_in_parallel(engine, statements[1:], ask) as found:
            found += fetch_ranked(connection, partition, settings, statements[0], parameters)
        if iterative or len(found) >= min(index.photos, index.parts * asked.limit):
            break
        # Photos that were removed since the index was made took places in the view. Only now: to
        # keep what it needs to go on took a scan 12 % longer to find the nearest, 10 % the most
        # dissimilar (of a million).
        iterative = True
    how = replace(how, ef_search=chosen.ef_search, index=index.name)
    if partition.newest_photo > index.upto:
        later = search_later(connection, partition, asked, index.upto)
        found += later
        how = replace(how, unindexed=bool(later))
    return closest_first(found)[: asked.limit], how


def _statement(
    partition: Partition, graphs: tuple[int, ...], where: Sequence[ColumnElement[bool]]
) -> Executable:
    index = partition.index
    assert index is not None
    described = partition.table, partition.dimension, index.kind, graphs
    return _candidates(*described, where) if where else _everywhere(*described)


def _settings(ef_search: int | None, *, iterative: bool) -> Settings:
    return {
        "hnsw.ef_search": str(ef_search),
        "hnsw.iterative_scan": "relaxed_order" if iterative else "off",
        "hnsw.max_scan_tuples": str(SCANNED_TUPLES),
        "work_mem": SCAN_MEMORY,
        "enable_seqscan": "off",
        "enable_sort": "off",
    }


def _candidates(
    rows: TableClause,
    dimension: int,
    kind: Kind,
    graphs: tuple[int, ...],
    where: Sequence[ColumnElement[bool]] = (),
) -> Executable:
    """Select the closest of some graphs, each in its own order, by one statement.

    Args:
        rows: The partition.
        dimension: Of its vectors.
        kind: Of its index.
        graphs: Which of its parts; none where it is one graph.
        where: What rows have to satisfy.
    """
    distance = exact_distance(rows, raw=False).label("distance")
    closest = (
        select(rows.c.photo_id, distance)
        .where(rows.c.photo_id <= UPTO, *where)
        .order_by(index_distance(rows, dimension, kind))
        .limit(LIMIT)
    )
    # A graph's number is written and not sent: all share their parameters.
    parts = [
        closest.where(rows.c.photo_id % PARTS == literal_column(f"{graph:d}::bigint"))
        for graph in graphs
    ]
    return union_all(*(part.subquery().select() for part in parts)) if parts else closest


_everywhere = lru_cache(_candidates)
"""Built once: putting a statement together takes longer than Postgres needs to plan it."""
