"""Does the index keep its promise? A sample of searches beside the exact answer.

The exact answer is computed here, from all vectors as they are stored, and not by Postgres: so a
mistake in the way a search goes is seen too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, text

from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.gallery import Gallery
from geofix.db.search import Search
from geofix.db.vector_stream import Block, every_block

TIE = 1e-4
"""Similarities closer than this are equal: vectors are kept in halves."""

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Recall:
    """How one direction did."""

    direction: str
    """`nearest` or `most dissimilar`."""
    recall: float
    """Share of the exact answer that was found."""
    worst: float
    """That of the worst search."""
    median_ms: float
    p95_ms: float
    way: str
    """`index`, `exact`, or both where searches differed."""


def check_recall(
    engine: Engine, encoder: str, *, queries: int = 100, k: int = 16, seed: int = 0
) -> list[Recall]:
    """Compare searches with the exact answer, both ways.

    Args:
        engine: To the gallery.
        encoder: Whose vectors are searched.
        queries: How many photos of the gallery are asked about.
        k: How many photos each search is to find.
        seed: Which photos.

    Raises:
        GalleryError: The encoder has no vectors.
    """
    gallery = Gallery(engine)
    with database_errors(engine):
        asked, ids = _sample(every_block(engine, encoder), queries, seed)
        if not len(asked):
            raise GalleryError(f"there is no vector of encoder {encoder!r} to search for")
        copies = _copies(engine, ids)
        centring = gallery.centring(encoder)
        mean = np.zeros(asked.shape[1], np.float32) if centring is None else centring.mean
        probes = _unit(asked - mean)
        truth = _Best(len(probes), k)
        for block in every_block(engine, encoder):
            vectors = block.vectors[~np.isin(block.photo_ids, copies)]
            truth.offer(_unit(vectors - mean) @ probes.T)
    return [_direction(gallery, encoder, asked, k, sign, truth) for sign in (1.0, -1.0)]


class _Best:
    """The k-th best similarity of each query, both ways."""

    def __init__(self, queries: int, k: int) -> None:
        self._k = k
        self._most = np.full((0, queries), -np.inf, dtype=np.float32)
        self._least = np.full((0, queries), np.inf, dtype=np.float32)

    def offer(self, similarities: Floats) -> None:
        self._most = -np.sort(-np.concatenate([self._most, similarities]), axis=0)[: self._k]
        self._least = np.sort(np.concatenate([self._least, similarities]), axis=0)[: self._k]

    def bound(self, sign: float) -> tuple[Floats, int]:
        """Return the similarity of the last photo of each exact answer, and their length."""
        kept = self._most if sign > 0 else self._least
        return kept[-1], len(kept)


def _direction(
    gallery: Gallery, encoder: str, asked: Floats, k: int, sign: float, truth: _Best
) -> Recall:
    search = Search(encoder=encoder)
    bounds, wanted = truth.bound(sign)
    shares, times, ways = [], [], set()
    for query, bound in zip(asked, bounds, strict=True):
        began = time.perf_counter()
        found = (gallery.nearest if sign > 0 else gallery.most_dissimilar)(query, k, search)
        times.append((time.perf_counter() - began) * 1000)
        ways |= {how.way for how in found.how}
        reached = [sign * hit.similarity >= sign * float(bound) - TIE for hit in found]
        shares.append(sum(reached) / wanted)
    return Recall(
        direction="nearest" if sign > 0 else "most dissimilar",
        recall=float(np.mean(shares)),
        worst=float(np.min(shares)),
        median_ms=float(np.median(times)),
        p95_ms=float(np.percentile(times, 95)),
        way=" and ".join(sorted(ways)),
    )


def _sample(blocks: Iterator[Block], queries: int, seed: int) -> tuple[Floats, Ids]:
    """Return the vectors of a random sample of photos, and the ids of all, in one pass."""
    random = np.random.default_rng(seed)
    keys, kept = np.empty(0), None
    ids = [np.empty(0, np.int64)]
    for block in blocks:
        ids.append(block.photo_ids)
        keys = np.concatenate([keys, random.random(len(block.vectors))])
        vectors = block.vectors if kept is None else np.concatenate([kept, block.vectors])
        first = np.argsort(keys)[:queries]
        keys, kept = keys[first], vectors[first]
    return np.empty((0, 0), np.float32) if kept is None else kept, np.concatenate(ids)


def _copies(engine: Engine, ids: Ids) -> Ids:
    """Return those whose picture a lower id shows too: a search finds each picture once."""
    statement = text(
        "select sha256, id from photos where sha256 in (select sha256 from photos"
        " where sha256 is not null group by sha256 having count(*) > 1) order by id"
    )
    with engine.connect() as connection:
        connection.execute(text("set local statement_timeout = 0"))
        rows = connection.execute(statement).all()
    there = np.isin(np.array([row.id for row in rows], dtype=np.int64), ids)
    seen: set[str] = set()
    copies = []
    for (sha256, photo_id), held in zip(rows, there, strict=True):
        if held and sha256 in seen:
            copies.append(photo_id)
        elif held:
            seen.add(sha256)
    return np.array(copies, dtype=np.int64)


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = vectors / np.maximum(lengths, np.float32(1e-12))
    return unit
