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
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from benchmarks.gallery.database import Server, running_server
from benchmarks.gallery.machine import machine
from benchmarks.gallery.ours import ENCODER, GALLERY
from benchmarks.gallery.rows import Rows, made_rows
from benchmarks.gallery.tables import say
from benchmarks.gallery.timing import timed
from benchmarks.rounds import Asked, compared
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
ONE = "one server"
WAYS: tuple[ShardSearch, ...] = ("fan-out", "fdw")
THREE = {way: f"three, {way}" for way in WAYS}


def main() -> None:
    """Load the same rows on one server and on three, and ask both."""
    given = _options()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        rows = made_rows(folder, 3 * given.rows, given.dimension, 0, given.queries)
        servers = [opened.enter_context(running_server()) for _ in range(3)]
        say(f"{machine()}\n{servers[0].settings()}")
        say(f"3 x {given.rows:,d} x {given.dimension} rows, {given.queries} queries, k={K}")
        say(f"m={given.m}, ef_construction={given.ef_construction}, {given.rounds} rounds")
        one = opened.enter_context(_engine(servers[0], "one"))
        three = opened.enter_context(_engine(servers[0], "spread"))
        for name, server in zip(NAMES, servers[1:], strict=True):
            server.execute("create database shard")
            add_shard(three, name, server.named("shard"))
        for engine, label in ((one, ONE), (three, "three servers")):
            _load(engine, rows, label, given.m, given.ef_construction)
        say(f"  on shards: {[shard.photos for shard in list_shards(three)]}")
        galleries = {ONE: Gallery(one)}
        galleries |= {THREE[way]: Gallery(three, shard_search=way) for way in WAYS}
        truth = rows.drawn.truth(_mean(one), K)
        for end in ("nearest", "dissimilar"):
            asked = _ask(galleries, rows, end, given.rounds)
            title = f"{end}, {K} of {rows.size()}, one client, {given.rounds} rounds"
            say(compared(title, asked, end, truth, (ONE, THREE["fan-out"])).markdown())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shards", description=__doc__)
    parser.add_argument("--rows", type=int, default=SIZE, help="a server")
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5, help="in which all are asked in turns")
    parser.add_argument("--m", type=int, default=M)
    parser.add_argument("--ef-construction", type=int, default=EF_CONSTRUCTION)
    return parser.parse_args()


def _mean(one: Engine) -> NDArray[np.float32]:
    # With the same rows, three servers have the same mean.
    centring = Gallery(one).centring(ENCODER)
    if centring is None:
        raise LookupError("too few rows for a mean; take more")
    return centring.mean


def _ask(galleries: dict[str, Gallery], rows: Rows, end: str, rounds: int) -> Asked:
    """Ask all queries of each in turns; who begins changes, since caches favor who comes later."""
    asked: Asked = {label: [] for label in galleries}
    order = list(galleries)
    for number in range(rounds):
        at = number % len(order)
        for label in order[at:] + order[:at]:
            gallery = galleries[label]
            find = gallery.nearest if end == "nearest" else gallery.most_dissimilar
            ask = partial(find, k=K, search=Search(ENCODER))
            asked[label].append(timed(rows.drawn.query_vectors, ask))
        medians = [f"{label} {asked[label][-1].median_ms:.1f}" for label in galleries]
        say(f"  {end}, round {number + 1}, median ms: {', '.join(medians)}")
    return asked


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
        ingest.add(GALLERY, ENCODER, rows.columns(first, last), rows.drawn.vectors[first:last])
    took_s = time.perf_counter() - start
    say(f"  {label}: {len(rows) / took_s:,.0f} rows/s")
    start = time.perf_counter()
    build_index(engine, ENCODER, m=m, ef_construction=ef_construction)
    say(f"  {label}: mean and index in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
