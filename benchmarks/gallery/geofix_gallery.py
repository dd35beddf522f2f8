"""A gallery loaded into geofix: one database for each size and index, made when first asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from benchmarks.gallery.database import Server
from benchmarks.gallery.rows import Rows
from benchmarks.gallery.tables import say
from geofix.db.load.index_lifecycle import build_index
from geofix.db.load.ingest import Ingest
from geofix.db.search.gallery import Gallery
from geofix.db.search.partition import Kind
from geofix.db.search.query import Found, Search

ENCODER = "benchmark"
GALLERY = "benchmark"
BATCH = 32_768
"""Rows a call of `Ingest.add`, and so a transaction; as `geofix gallery add` does it."""


@dataclass(frozen=True)
class Loaded:
    """A gallery in geofix."""

    engine: Engine
    rows: int
    load_s: float
    """All calls of `Ingest.add`, and making their columns of numpy's."""
    finish_s: float
    """`Ingest.finish`: centring, counts and the full index; or `build_index` of the compact one."""
    gallery: Gallery = field(init=False)

    def __post_init__(self) -> None:
        """Open the searches."""
        object.__setattr__(self, "gallery", Gallery(self.engine))

    def mean(self) -> NDArray[np.float32]:
        """Return what the gallery subtracts from its vectors, `[dimension]`.

        Raises:
            LookupError: It has too few photos to have one.
        """
        centring = self.gallery.centring(ENCODER)
        if centring is None:
            raise LookupError(f"a gallery of {self.rows!r} rows has no mean; take more rows")
        return centring.mean


@dataclass
class Galleries:
    """What has been loaded so far, by number of rows and kind of index."""

    server: Server
    rows: Rows
    _loaded: dict[tuple[int, Kind], Loaded] = field(default_factory=dict)

    def of(self, rows: int, kind: Kind = "full") -> Loaded:
        """Return the gallery of the first `rows` rows, loaded and indexed once, and warm."""
        if (rows, kind) not in self._loaded:
            self._loaded[rows, kind] = self._load(rows, kind)
        _warm(self._loaded[rows, kind].engine)
        return self._loaded[rows, kind]

    def close(self) -> None:
        """Close all connections."""
        for loaded in self._loaded.values():
            loaded.engine.dispose()

    def _load(self, rows: int, kind: Kind) -> Loaded:
        engine = self.server.gallery_engine(f"gallery_{rows}_{kind}")
        ingest = Ingest(engine)
        # What was written before must not be flushed to disk on this one's time.
        self.server.execute("checkpoint")
        start = time.perf_counter()
        for first, last in self.rows.batches(BATCH, rows):
            vectors = self.rows.drawn.vectors[first:last]
            ingest.add(GALLERY, ENCODER, self.rows.columns(first, last), vectors)
        load_s = time.perf_counter() - start
        start = time.perf_counter()
        if kind == "full":
            ingest.finish(ENCODER)
        else:
            build_index(engine, ENCODER, kind=kind)
        finish_s = time.perf_counter() - start
        say(f"  loaded {rows:,d} rows in {load_s:.1f} s, {kind} index and mean in {finish_s:.1f} s")
        return Loaded(engine, rows, load_s, finish_s)


def _warm(engine: Engine) -> None:
    """Read table and indexes into Postgres's own cache: what is measured is a server in use."""
    with engine.begin() as connection:
        connection.execute(text("create extension if not exists pg_prewarm"))
        connection.execute(
            text(
                "select sum(pg_prewarm(oid)) from pg_class where relkind in ('r', 'i')"
                " and relname ~ '^(embeddings_1|photos)'"
            )
        )


def ids(found: Found) -> list[int]:
    """Return the rows that were found, best first."""
    return [int(neighbour.external_id) for neighbour in found]


def strategy(found: Found) -> str:
    """Say how the gallery says it found them."""
    parts = []
    for how in found.how:
        ef = "" if how.ef_search is None else f" ef {how.ef_search}"
        parts.append(f"{how.way}{ef}{' +unindexed' if how.unindexed else ''}")
    return ", ".join(parts)


def everywhere(*, exact: bool = False) -> Search:
    """Return the search of the whole gallery."""
    return Search(encoder=ENCODER, exact=exact)
