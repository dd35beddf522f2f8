"""Search: nearest and most dissimilar 16 everywhere, ours beside the peers, recall beside time.

All ask one question: of the vectors with geofix's mean subtracted, which have the highest and the
lowest cosine with the query? What is right is worked out by comparing all with all in numpy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gallery.database import GB, Server
from benchmarks.gallery.geofix_gallery import Galleries, Loaded, everywhere, ids, strategy
from benchmarks.gallery.tables import Table, ratio, say
from benchmarks.gallery.timing import Timed, timed
from benchmarks.gallery.truth import Truth
from benchmarks.peers.environment import run_peer
from geofix.db.search.query import Found, Search

K = 16
EXACT_QUERIES = 20
"""Exact scans of millions take a second each."""

FAISS_EFS = (40, 100, 200, 400, 1000)
LANGCHAIN_EF = 200
LANGCHAIN_ROWS = 100_000
"""Rows in PGVectorStore's table at most: in float32, with a slower build, more would take hours."""

HEAD = ["end", "way", "median ms", "p95 ms", "recall@16", "rows", "time against ours"]


@dataclass(frozen=True)
class Asked:
    """What all ways of searching are asked, and what is right."""

    loaded: Loaded
    queries: np.ndarray
    truth: Truth


def ask(loaded: Loaded, query: np.ndarray, end: str, search: Search) -> Found:
    """Ask geofix for one end."""
    gallery = loaded.gallery
    find = gallery.nearest if end == "nearest" else gallery.most_dissimilar
    return find(query, K, search)


def measure_search(server: Server, galleries: Galleries, *, peers: bool) -> list[Table]:
    """Ask every way for both ends."""
    drawn = galleries.rows.drawn
    rows = len(galleries.rows)
    loaded = galleries.of(rows)
    asked = Asked(loaded, drawn.query_vectors, drawn.truth(loaded.mean(), K))
    title = f"Search everywhere, k = {K}, {galleries.rows.size()}, {len(asked.queries)} queries"
    table = Table(title, HEAD)
    medians = _ours(table, asked)
    if peers:
        files = _files(server.folder, asked)
        _faiss(table, asked, galleries, files, medians)
        _langchain(table, server, galleries, files, medians)
    return [table]


def _ours(table: Table, asked: Asked) -> dict[str, float]:
    medians: dict[str, float] = {}
    for end in ("nearest", "dissimilar"):
        quick = timed(asked.queries, lambda query: ask(asked.loaded, query, end, everywhere()))  # noqa: B023 - called in this round
        medians[end] = quick.median_ms
        how = strategy(quick.answers[0])
        found = _as_ids(quick)
        _add(table, end, f"geofix ({how})", found, asked.truth, quick.median_ms, asked.loaded.rows)
        search = everywhere(exact=True)
        some = asked.queries[:EXACT_QUERIES]
        slow = timed(some, lambda query: ask(asked.loaded, query, end, search), warm_up=1)  # noqa: B023
        name = f"exact Postgres (geofix, exact=True; {len(some)} queries)"
        _add(table, end, name, _as_ids(slow), asked.truth, quick.median_ms, asked.loaded.rows)
    return medians


def _as_ids(found: Timed[Found]) -> Timed[list[int]]:
    return Timed([ids(answer) for answer in found.answers], found.took_ms)


def _add(
    table: Table,
    end: str,
    name: str,
    found: Timed[list[int]],
    truth: Truth,
    ours_ms: float,
    rows: int,
) -> None:
    share = truth.recall(end, found.answers)
    times = ratio(found.median_ms, ours_ms)
    table.add(end, name, found.median_ms, found.p95_ms, share, rows, times)


def _files(folder: Path, asked: Asked) -> dict[str, str]:
    """Write what the peers' processes read."""
    files = {"queries": asked.queries, "mean": asked.loaded.mean()}
    for name, array in files.items():
        np.save(folder / f"{name}.npy", array)
    return {name: str(folder / f"{name}.npy") for name in files}


def _faiss(
    table: Table,
    asked: Asked,
    galleries: Galleries,
    files: dict[str, str],
    ours: dict[str, float],
) -> None:
    options = {
        **files,
        "vectors": str(galleries.rows.path),
        "k": K,
        "efs": FAISS_EFS,
        "flat_queries": EXACT_QUERIES,
        "build_threads": os.cpu_count() or 1,
        "threads": os.cpu_count() or 1,
    }
    said = run_peer("faiss_indexes.py", options)
    say(f"  faiss {said['version']}, HNSW built in {said['results'][-1]['build_s']:.1f} s")
    for result in said["results"]:
        name = f"{result['name']}, 1 thread"
        _peer(table, result, name, asked.truth, ours, asked.loaded.rows)


def _langchain(
    table: Table,
    server: Server,
    galleries: Galleries,
    files: dict[str, str],
    ours: dict[str, float],
) -> None:
    drawn = galleries.rows.drawn
    rows = min(LANGCHAIN_ROWS, len(galleries.rows))
    truth = drawn.truth(np.load(files["mean"]), K, rows)
    with server.scratch("langchain_search") as url:
        # Its index is twice as large as ours, and a build that spills takes three times as long.
        memory = f"alter database langchain_search set maintenance_work_mem = '{_build_gb(rows)}GB'"
        server.execute(memory)
        options = {
            **files,
            "what": "search",
            "url": url,
            "conninfo": server.conninfo("langchain_search"),
            "vectors": str(galleries.rows.path),
            "rows": rows,
            "k": K,
            "ef": LANGCHAIN_EF,
        }
        result = run_peer("langchain_store.py", options)
    say(f"  PGVectorStore's HNSW over {rows:,d} rows built in {result['build_s']:.1f} s")
    _peer(table, result, f"langchain-postgres, ef {LANGCHAIN_EF}", truth, ours, rows)


def _build_gb(rows: int) -> int:
    return 1 + rows * 5_000 // GB


def _peer(
    table: Table,
    result: dict[str, Any],
    name: str,
    truth: Truth,
    ours: dict[str, float],
    rows: int,
) -> None:
    for end in ("nearest", "dissimilar"):
        found = Timed[list[int]](result[end]["ids"], result[end]["took_ms"])
        _add(table, end, name, found, truth, ours[end], rows)
