"""pgvector's HNSW over raw and over centred vectors, by plain SQL: what centring alone does."""

from __future__ import annotations

import time

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from benchmarks.gallery.database import Server
from benchmarks.gallery.sets import VectorSet
from benchmarks.gallery.tables import Table
from benchmarks.gallery.timing import timed
from benchmarks.gallery.truth import BLOCK, Truth, centred

EFS = (40, 200, 1000)
BUILD_MEMORY = "1GB"

BUILD = (
    "create index on graph using hnsw (embedding halfvec_cosine_ops)"
    " with (m = 16, ef_construction = 64)"
)


def graph_recalls(
    table: Table,
    server: Server,
    asked: VectorSet,
    mean: NDArray[np.float32],
    truths: dict[str, Truth],
) -> None:
    """Build an index over raw and over centred vectors and ask both ends of each.

    Args:
        table: Where the results go.
        server: Where; the database is dropped at the end.
        asked: The vectors and the queries.
        mean: What is subtracted to centre, `[dimension]`.
        truths: The exact answers, by `raw` and `centred`.
    """
    for vectors, subtracted in (("raw", None), ("centred", mean)):
        with (
            server.scratch("graphs"),
            psycopg.connect(server.conninfo("graphs"), autocommit=True) as connection,
        ):
            register_vector(connection)
            built_s = _build(connection, asked, subtracted)
            queries = centred(asked.queries, subtracted)
            for end, sign in (("nearest", 1.0), ("dissimilar", -1.0)):
                for ef in EFS:
                    connection.execute(f"set hnsw.ef_search = {ef:d}".encode())
                    found = timed(sign * queries, lambda query: _ask(connection, query))
                    share = truths[vectors].recall(end, found.answers)
                    shown = asked.name, vectors, built_s, end, ef, found.median_ms, share
                    table.add(*shown)


def _build(
    connection: psycopg.Connection, asked: VectorSet, mean: NDArray[np.float32] | None
) -> float:
    dimension = asked.vectors.shape[1]
    connection.execute(f"create table graph (id int, embedding halfvec({dimension}))".encode())
    connection.execute("alter table graph alter embedding set storage plain")
    copy_in = "copy graph from stdin (format binary)"
    with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
        copy.set_types(["int4", "halfvec"])
        for first in range(0, len(asked.vectors), BLOCK):
            block = centred(asked.vectors[first : first + BLOCK], mean)
            for row, vector in enumerate(block, start=first):
                copy.write_row((row, HalfVector(vector)))
    connection.execute(f"set maintenance_work_mem = '{BUILD_MEMORY}'".encode())
    connection.execute("set max_parallel_maintenance_workers = 2")
    start = time.perf_counter()
    connection.execute(BUILD)
    took = time.perf_counter() - start
    connection.execute("analyze graph")
    return took


def _ask(connection: psycopg.Connection, query: NDArray[np.float32]) -> list[int]:
    rows = connection.execute(
        "select id from graph order by embedding <=> %s limit 16", (HalfVector(query),)
    )
    return [row[0] for row in rows.fetchall()]
