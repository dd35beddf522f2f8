"""langchain-postgres' PGVectorStore, in the peers' environment: loading and searching.

Reads JSON from standard input: conninfo, url, vectors and queries (.npy), mean (.npy or null), k,
and what to do: `load` adds `rows` rows by `add_embeddings`; `search` fills the store's own table by
COPY, since loading it by `add_embeddings` would take minutes, has it build its HNSW index and asks.
Its column is `vector` (float32); it keeps ids as UUIDs, and here row i has UUID i.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import Any

import numpy as np
import psycopg
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_postgres import (  # type: ignore[import-not-found]
    Column,
    PGEngine,
    PGVectorStore,
)
from langchain_postgres.v2.indexes import (  # type: ignore[import-not-found]
    HNSWIndex,
    HNSWQueryOptions,
)
from pgvector.psycopg import register_vector

BLOCK = 10_000
LICENCE = "CC-BY-SA-4.0"
METADATA = ("latitude", "longitude", "country", "author", "licence")


def main() -> None:
    """Do what the options say."""
    options = json.loads(sys.stdin.read())
    vectors = np.load(options["vectors"], mmap_mode="r")[: options["rows"]]
    url = options["url"].replace("postgresql://", "postgresql+psycopg://")
    engine = PGEngine.from_connection_string(url)
    places = [Column(name, "DOUBLE PRECISION") for name in METADATA[:2]]
    texts = [Column(name, "TEXT") for name in METADATA[2:]]
    engine.init_vectorstore_table(
        "store", vectors.shape[1], metadata_columns=[*places, *texts], store_metadata=False
    )
    store = PGVectorStore.create_sync(
        engine,
        # It asks for an embedding model, which is never used: all vectors are given.
        embedding_service=DeterministicFakeEmbedding(size=vectors.shape[1]),
        table_name="store",
        metadata_columns=list(METADATA),
        metadata_json_column=None,
        index_query_options=HNSWQueryOptions(ef_search=options.get("ef", 100)),
    )
    work = load if options["what"] == "load" else search
    sys.stdout.write(json.dumps(work(store, vectors, options)) + "\n")


def load(store: Any, vectors: np.ndarray, options: dict[str, Any]) -> dict[str, Any]:
    """Add all rows in one call."""
    count = len(vectors)
    places = np.load(options["places"])
    metadatas = [
        {
            "latitude": float(places[0, row]),
            "longitude": float(places[1, row]),
            "country": "ZZ",
            "author": f"author-{row % 5000:06d}",
            "licence": LICENCE,
        }
        for row in range(count)
    ]
    embeddings = vectors.astype(np.float32).tolist()
    ids = [str(uuid.UUID(int=row)) for row in range(count)]
    start = time.perf_counter()
    store.add_embeddings([""] * count, embeddings, metadatas=metadatas, ids=ids)
    return {"took_s": time.perf_counter() - start}


def search(store: Any, vectors: np.ndarray, options: dict[str, Any]) -> dict[str, Any]:
    """Fill, index, and ask for both ends."""
    mean = np.load(options["mean"])
    with psycopg.connect(options["conninfo"], autocommit=True) as connection:
        register_vector(connection)
        with connection.cursor() as cursor:
            into = "copy store (langchain_id, content, embedding) from stdin (format binary)"
            with cursor.copy(into) as copy:
                copy.set_types(["uuid", "text", "vector"])
                for first in range(0, len(vectors), BLOCK):
                    block = centred(vectors[first : first + BLOCK], mean)
                    for row, vector in enumerate(block, start=first):
                        copy.write_row((uuid.UUID(int=row), "", vector))
        connection.execute("analyze store")
    start = time.perf_counter()
    store.apply_vector_index(HNSWIndex(m=16, ef_construction=64))
    built_s = time.perf_counter() - start
    queries = centred(np.load(options["queries"]), mean)
    return {
        "build_s": built_s,
        "nearest": asked(store, queries, options["k"]),
        "dissimilar": asked(store, -queries, options["k"]),
    }


def asked(store: Any, queries: np.ndarray, k: int) -> dict[str, Any]:
    """Return the ids found and the milliseconds each query took, asked a second time."""
    given = [query.tolist() for query in queries]
    for query in given:
        store.similarity_search_by_vector(query, k=k)
    ids, took_ms = [], []
    for query in given:
        start = time.perf_counter()
        found = store.similarity_search_by_vector(query, k=k)
        took_ms.append((time.perf_counter() - start) * 1000)
        ids.append([uuid.UUID(str(document.id)).int for document in found])
    return {"ids": ids, "took_ms": took_ms}


def centred(vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Subtract the mean and normalise, in float32."""
    moved = vectors.astype(np.float32) - mean
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(length, 1e-12))


if __name__ == "__main__":
    main()
