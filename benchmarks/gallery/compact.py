"""The compact index beside the full one: what it saves in memory, and what that costs."""

from __future__ import annotations

from benchmarks.gallery.geofix_gallery import ENCODER, Galleries, Loaded, everywhere, ids, strategy
from benchmarks.gallery.search import K, ask
from benchmarks.gallery.tables import Table, ratio
from benchmarks.gallery.timing import timed
from benchmarks.gallery.truth import Truth
from geofix.db.search.partition import Kind
from geofix.db.search.status import encoder_statuses

KINDS: tuple[Kind, ...] = ("full", "compact")
"""The one that the other is compared with first."""

SEARCH_HEAD = ["end", "index", "found by", "median ms", "p95 ms", f"recall@{K}", "time of full"]
SIZES_HEAD = ["index", "mean and index s", "table, bytes a row", "index, bytes a row", "of full"]


def measure_compact(galleries: Galleries) -> list[Table]:
    """Ask both ends of both kinds of index; each has a database of its own."""
    size = galleries.rows.size()
    searches = Table(f"Compact and full index, k = {K}, {size}", SEARCH_HEAD)
    truths = {kind: _truth(galleries, kind) for kind in KINDS}
    for end in ("nearest", "dissimilar"):
        full_ms = 0.0
        for kind in KINDS:
            # Asked for again: what was searched before may have taken its place in the cache.
            loaded, queries = _of(galleries, kind), galleries.rows.drawn.query_vectors
            found = timed(queries, lambda query: ask(loaded, query, end, everywhere()))  # noqa: B023 - called in this round
            full_ms = full_ms or found.median_ms
            share = truths[kind].recall(end, [ids(answer) for answer in found.answers])
            how, times = strategy(found.answers[0]), ratio(found.median_ms, full_ms)
            searches.add(end, kind, how, found.median_ms, found.p95_ms, share, times)
    return [searches, _sizes(galleries)]


def _of(galleries: Galleries, kind: Kind) -> Loaded:
    return galleries.of(len(galleries.rows), kind)


def _truth(galleries: Galleries, kind: Kind) -> Truth:
    return galleries.rows.drawn.truth(_of(galleries, kind).mean(), K)


def _sizes(galleries: Galleries) -> Table:
    sizes = Table(f"What they take, {galleries.rows.size()}", SIZES_HEAD)
    full_bytes = 0.0
    for kind in KINDS:
        loaded = _of(galleries, kind)
        status = next(one for one in encoder_statuses(loaded.engine) if one.encoder == ENCODER)
        table, index = status.table_bytes / loaded.rows, status.index_bytes / loaded.rows
        full_bytes = full_bytes or index
        share = ratio(index, full_bytes) if full_bytes else None
        sizes.add(status.index or f"no {kind}", loaded.finish_s, table, index, share)
    return sizes
