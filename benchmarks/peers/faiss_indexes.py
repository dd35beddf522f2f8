"""FAISS on one thread, in the peers' environment: flat, and HNSW at several widths of search.

Reads JSON from standard input: vectors and queries (.npy, not centred), mean (.npy), k, efs.
Vectors are centred here as geofix centres them, so all ask the same question. FAISS holds vectors
in memory and knows no rows, filters or transactions.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import faiss  # type: ignore[import-not-found]
import numpy as np

BLOCK = 20_000


def main() -> None:
    """Build both indexes and ask both ends of each."""
    options = json.loads(sys.stdin.read())
    faiss.omp_set_num_threads(1)
    mean = np.load(options["mean"])
    vectors = np.load(options["vectors"], mmap_mode="r")
    queries = centred(np.load(options["queries"]), mean)
    k, dimension = options["k"], vectors.shape[1]
    results = []
    flat = faiss.IndexFlatIP(dimension)
    built = fill(flat, vectors, mean)
    some = queries[: options["flat_queries"]]
    results.append(ends("FAISS flat, float32", some, k, flat.search, built))
    del flat
    graph = faiss.IndexHNSWFlat(dimension, 16, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = 64
    # Building may use all cores, as ours does; searching is on one.
    faiss.omp_set_num_threads(options["build_threads"])
    built = fill(graph, vectors, mean)
    faiss.omp_set_num_threads(1)
    for ef in options["efs"]:
        graph.hnsw.efSearch = ef
        results.append(ends(f"FAISS HNSW M16 efC64, ef {ef}", queries, k, graph.search, built))
    sys.stdout.write(json.dumps({"version": faiss.__version__, "results": results}) + "\n")


def centred(vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Subtract the mean and normalise, in float32."""
    moved = vectors.astype(np.float32) - mean
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(length, 1e-12))


def fill(index: Any, vectors: np.ndarray, mean: np.ndarray) -> float:
    """Add all vectors; return the seconds that took without the centring."""
    took = 0.0
    for first in range(0, len(vectors), BLOCK):
        block = centred(vectors[first : first + BLOCK], mean)
        start = time.perf_counter()
        index.add(block)
        took += time.perf_counter() - start
    return took


def ends(
    name: str, queries: np.ndarray, k: int, search: Callable[..., Any], built_s: float
) -> dict[str, Any]:
    """Ask for the nearest and for the neighbours of the negated queries, one at a time."""
    return {
        "name": name,
        "build_s": built_s,
        "nearest": asked(queries, k, search),
        "dissimilar": asked(-queries, k, search),
    }


def asked(queries: np.ndarray, k: int, search: Callable[..., Any]) -> dict[str, Any]:
    """Return the ids found and the milliseconds each query took, asked a second time."""
    for query in queries:
        search(query[None], k)
    ids, took_ms = [], []
    for query in queries:
        start = time.perf_counter()
        _, found = search(query[None], k)
        took_ms.append((time.perf_counter() - start) * 1000)
        ids.append(found[0].tolist())
    return {"ids": ids, "took_ms": took_ms}


if __name__ == "__main__":
    main()
