"""Three servers against one, and the two ways to ask them: `python -m benchmarks.shards`.

All servers run on this machine, so the three share its cores and memory: what it tells is which way
of asking costs less, not what more machines bring.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.gallery.database import Server, running_server
from benchmarks.gallery.ours import ENCODER, GALLERY, ids, strategy
from benchmarks.gallery.rows import Rows, draw_rows
from benchmarks.gallery.tables import Table, ratio, say
from benchmarks.gallery.timing import timed
from benchmarks.gallery.truth import exact, recall
from geofix.db.gallery import Gallery, ShardSearch
from geofix.db.index_build import EF_CONSTRUCTION, M, build_index
from geofix.db.ingest import Ingest
from geofix.db.search import Search
from geofix.db.shards import add_shard, list_shards

SIZE = 25_000
"""Rows a server; below 20,000 searches would be exact."""

BATCH = 5_000
K = 16
NAMES = ("b", "c")
WAYS: tuple[ShardSearch, ...] = ("fan-out", "fdw")


def main() -> None:
    """Load the same rows on one server and on three, and ask both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=SIZE, help="a server")
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--m", type=int, default=M)
    parser.add_argument("--ef-construction", type=int, default=EF_CONSTRUCTION)
    given = parser.parse_args()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        rows = draw_rows(folder, 3 * given.rows, given.dimension, 0, given.queries)
        servers = [opened.enter_context(running_server()) for _ in range(3)]
        say(f"3 x {given.rows:,d} x {given.dimension} rows, {given.queries} queries, k={K}")
        say(servers[0].settings())
        one = opened.enter_context(_engine(servers[0], "one"))
        three = opened.enter_context(_engine(servers[0], "spread"))
        for name, server in zip(NAMES, servers[1:], strict=True):
            server.execute("create database shard")
            add_shard(three, name, server.named("shard"))
        for engine, label in ((one, "one server"), (three, "three servers")):
            _load(engine, rows, label, given.m, given.ef_construction)
        say(f"  on shards: {[shard.photos for shard in list_shards(three)]}")
        _compare(rows, one, three)


def _compare(rows: Rows, one: Engine, three: Engine) -> None:
    galleries = {"one server": Gallery(one)}
    galleries |= {f"three, {way}": Gallery(three, shard_search=way) for way in WAYS}
    queries = rows.made.query_vectors
    centring = Gallery(one).centring(ENCODER)
    if centring is None:
        raise LookupError("too few rows for a mean; take more")
    truth = exact(queries, rows.made.vectors, centring.mean, K)
    head = ["", "found by", "median ms", "p95 ms", f"recall@{K}", "median, of one server's"]
    table = Table(f"{K} of {len(rows):,d}, asked by one client", head)
    for direction, wanted in (("nearest", truth.nearest), ("dissimilar", truth.dissimilar)):
        base = 0.0
        for label, gallery in galleries.items():
            ask = gallery.nearest if direction == "nearest" else gallery.most_dissimilar
            found = timed(list(queries), lambda query, ask=ask: ask(query, K, Search(ENCODER)))
            base = base or found.median_ms
            reached = recall([ids(answer) for answer in found.answers], wanted)
            how = strategy(found.answers[0])
            times = found.median_ms, found.p95_ms
            table.add(f"{direction}, {label}", how, *times, reached, ratio(times[0], base))
    say(table.markdown())


@contextmanager
def _engine(server: Server, name: str) -> Iterator[Engine]:
    engine = server.gallery_engine(name)
    try:
        yield engine
    finally:
        engine.dispose()


def _load(engine: Engine, rows: Rows, label: str, m: int, ef_construction: int) -> None:
    ingest = Ingest(engine)
    start = time.perf_counter()
    for first, last in rows.batches(BATCH):
        ingest.add(GALLERY, ENCODER, rows.columns(first, last), rows.made.vectors[first:last])
    took_s = time.perf_counter() - start
    say(f"  {label}: {len(rows) / took_s:,.0f} rows/s")
    start = time.perf_counter()
    build_index(engine, ENCODER, m=m, ef_construction=ef_construction)
    say(f"  {label}: mean and index in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
