"""Loading: the same rows by bare binary COPY, by geofix, and by what people use otherwise."""

from __future__ import annotations

import numpy as np

from benchmarks.gallery.database import Server
from benchmarks.gallery.geofix_gallery import BATCH, Galleries
from benchmarks.gallery.ingest_files import whole_road_s
from benchmarks.gallery.rows import Rows
from benchmarks.gallery.tables import Table, ratio
from benchmarks.peers.bare_copy import bare_copy_s
from benchmarks.peers.core_inserts import core_inserts_s
from benchmarks.peers.environment import run_peer

GOAL = 0.7
"""Share of the rate of a bare COPY."""

CORE_ROWS, LANGCHAIN_ROWS = 5_000, 2_000
"""Few, since they are slow; their rates hardly depend on how many."""


def measure_load(server: Server, galleries: Galleries, *, peers: bool) -> list[Table]:
    """Load all rows in every way, one after another.

    Args:
        server: Where; each peer gets a database of its own, dropped before the next.
        galleries: Holds the rows; ours stays loaded for the other parts.
        peers: Whether to load with langchain-postgres, which needs an environment of its own.
    """
    rows = galleries.rows
    table = Table(
        f"Loading, {rows.size()}, id, place, author, licence",
        ["way", "rows", "rows/s", "of bare COPY"],
    )
    first = _bare(server, rows)
    loaded = galleries.of(len(rows))
    road = len(rows) / whole_road_s(server, rows)
    again = _bare(server, rows)
    # Against the faster of two, one before and one after ours: the machine is not alone.
    bare = max(first, again)
    name = f"bare binary COPY, numpy tuples, primary key (slower of two: {min(first, again):,.0f})"
    table.add(name, len(rows), bare, "x1")
    ours = len(rows) / loaded.load_s
    name = f"geofix, `Ingest.add`, transactions of {BATCH:,d} rows (goal x{GOAL})"
    table.add(name, len(rows), ours, ratio(ours, bare))
    finished = len(rows) / (loaded.load_s + loaded.finish_s)
    table.add("the same with `finish`: mean and index", len(rows), finished, ratio(finished, bare))
    name = "geofix, `ingest_vectors` from .npy and Parquet: read, check, countries, store"
    table.add(name, len(rows), road, ratio(road, bare))
    with server.scratch("core") as url:
        count = min(CORE_ROWS, len(rows))
        core = count / core_inserts_s(url, rows, count)
        table.add("SQLAlchemy Core insert", count, core, ratio(core, bare))
    if peers:
        count = min(LANGCHAIN_ROWS, len(rows))
        store = count / _langchain_s(server, rows, count)
        name = "langchain-postgres, PGVectorStore.add_embeddings"
        table.add(name, count, store, ratio(store, bare))
    return [table]


def _bare(server: Server, rows: Rows) -> float:
    # What was written before must not be flushed to disk on this one's time.
    server.execute("checkpoint")
    with server.scratch("bare"):
        return len(rows) / bare_copy_s(server.conninfo("bare"), rows)


def _langchain_s(server: Server, rows: Rows, count: int) -> float:
    places = server.folder / "places.npy"
    np.save(places, np.stack([rows.drawn.latitude[:count], rows.drawn.longitude[:count]]))
    with server.scratch("langchain_load") as url:
        options = {
            "what": "load",
            "url": url,
            "vectors": str(rows.path),
            "places": str(places),
            "rows": count,
        }
        return float(run_peer("langchain_store.py", options)["took_s"])
