"""Search along the index: each of its parts on its own, several at once, and what came later.

As many at once as the server has cores for; what they find is merged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    TableClause,
    bindparam,
    literal_column,
    select,
    union_all,
)

from geofix.db.closest import LIMIT, Asked, Ranked, closest_first, conditions, ranked, settings
from geofix.db.exact_scan import search_later
from geofix.db.likeness import exact_distance, index_distance
from geofix.db.partition import Kind, Partition, VectorIndex
from geofix.db.plan import Plan
from geofix.db.round_trip import Ahead
from geofix.db.search import How
from geofix.db.servers import Server
from geofix.db.side_connections import ask_at_once

SCANNED_TUPLES = 40_000
"""How far an index scan goes on for photos inside a region before it gives up."""

SCAN_MEMORY = "64MB"
"""For candidates that were seen and not asked for yet; pgvector stops early with the usual 4 MB."""

SETTINGS = settings(
    "hnsw.ef_search",
    "hnsw.iterative_scan",
    "hnsw.max_scan_tuples",
    "work_mem",
    "enable_seqscan",
    "enable_sort",
)

UPTO, PARTS = (bindparam(name, type_=BigInteger()) for name in ("upto", "parts"))


def search_index(
    server: Server,
    connection: Connection,
    partition: Partition,
    asked: Asked,
    chosen: Plan,
    how: How,
) -> tuple[Ranked, How]:
    """Return the closest vectors along the index, and of what came after it.

    Args:
        server: Where; further connections to it are opened for as many parts as go at once.
        connection: To it, in a transaction.
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
    limit = asked.limit
    if index.kind == "compact":
        limit = max(limit, chosen.ef_search or 0)
    numbers = {"upto": index.upto, "parts": index.parts, "limit": limit}
    question = _Question(
        partition, conditions(partition, asked), {**asked.parameters(), **numbers}, chosen
    )
    found = question.ask(server, connection, iterative=bool(question.where))
    if not question.where and len(found) < min(index.photos, index.parts * asked.limit):
        # Photos that were removed since the index was made took places in the view.
        found = question.ask(server, connection, iterative=True)
    how = replace(how, ef_search=chosen.ef_search, index=index.name)
    if partition.newest_photo > index.upto:
        later = search_later(connection, partition, asked, index.upto)
        found += later
        how = replace(how, unindexed=bool(later))
    return closest_first(found)[: asked.limit], how


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of all graphs of an index."""

    partition: Partition
    where: Sequence[ColumnElement[bool]]
    """What rows have to satisfy."""
    parameters: Mapping[str, object]
    chosen: Plan

    def ask(self, server: Server, connection: Connection, *, iterative: bool) -> Ranked:
        """Return what the graphs give, several asked at once.

        Args:
            server: Whom.
            connection: To it.
            iterative: Whether to go on where too few in view satisfy what is wanted. Keeping what
                it needs for that took 12 % longer to find the nearest, 10 % the most dissimilar (of
                a million).
        """
        index = self.partition.index
        assert index is not None
        settings = _settings(self.chosen.ef_search, iterative=iterative)
        parts, at_once = range(index.parts), self.chosen.connections
        return ask_at_once(
            server,
            connection,
            [parts[first::at_once] for first in range(at_once)],
            lambda where, share: ranked(
                where, Ahead(SETTINGS, settings), self._statement(index, share), self.parameters
            ),
        )

    def _statement(self, index: VectorIndex, parts: Sequence[int]) -> Executable:
        graphs = tuple(parts) if index.parts > 1 else ()
        described = self.partition.table, self.partition.dimension, index.kind, graphs
        return _candidates(*described, self.where) if self.where else _everywhere(*described)


def _settings(ef_search: int | None, *, iterative: bool) -> dict[str, str]:
    return {
        "hnsw_ef_search": str(ef_search),
        "hnsw_iterative_scan": "relaxed_order" if iterative else "off",
        "hnsw_max_scan_tuples": str(SCANNED_TUPLES),
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
