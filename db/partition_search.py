"""Search one partition on one server: the closest vectors' photo ids and distances."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from geofix.db.build_memory import cores_of
from geofix.db.cell_counts import CellCounts
from geofix.db.closest import Asked, Ranked
from geofix.db.exact_scan import search_exactly
from geofix.db.index_scan import SCANNED_TUPLES, search_index
from geofix.db.likeness import check_dimension
from geofix.db.partition import Partition
from geofix.db.plan import plan
from geofix.db.search import How
from geofix.db.servers import Server


def search_partition(
    server: Server, connection: Connection, partition: Partition, counts: CellCounts, asked: Asked
) -> tuple[Ranked, How]:
    """Return the closest vectors of one partition, and how they were found.

    Args:
        server: Where; several parts of an index are searched over connections of their own.
        connection: To it, in a transaction.
        partition: What is searched.
        counts: Of the partition.
        asked: For what.

    Raises:
        GalleryError: The query has another dimension than the partition's vectors.
    """
    check_dimension(asked.likeness.probe, partition.dimension)
    rows = counts.covered(asked.gallery_ids, asked.search.areas, asked.search.outside)
    how = How(server.name, "exact", rows)
    chosen = plan(
        partition,
        rows=rows,
        total=counts.total,
        limit=asked.limit,
        sign=asked.sign,
        raw=asked.likeness.mean is None,
        cores=cores_of(server.engine),
    )
    if asked.search.exact or chosen.way == "exact":
        return search_exactly(server, connection, partition, counts, asked, rows), how
    found, along = search_index(server, connection, partition, asked, chosen, how)
    if len(found) >= min(asked.limit, rows):
        return found, replace(along, way="index")
    note = (
        f"the index gave {len(found)} photos before {SCANNED_TUPLES} candidates were seen;"
        " every vector there was compared"
    )
    found = search_exactly(server, connection, partition, counts, asked, rows)
    return found, replace(along, way="exact", note=note)
