"""The sets of vectors on which centring is judged: two real ones, and the made one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.gallery.rows import Rows
from benchmarks.geoclip_vectors import read_places
from geofix.tools.starter import read_starter

HELD_OUT = 200
MADE_ROWS = 100_000
"""Of the made set, at most: its raw index takes as long to build as geofix's own."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class VectorSet:
    """Vectors with their places, and queries with theirs."""

    name: str
    vectors: NDArray[np.float16]
    """`[n, dimension]`, L2-normalised."""
    places: Doubles
    """`[n, 2]`, latitude and longitude in degrees."""
    queries: NDArray[np.float32]
    """`[queries, dimension]`, L2-normalised."""
    query_places: Doubles
    """`[queries, 2]`."""
    leave_one_out: bool = False
    """The queries are the rows, in their order; a row is no answer to itself."""


def starter_set() -> VectorSet:
    """Return the 162 photos that ship with geofix, each asked of the others."""
    starter = read_starter()
    places = np.array([(photo.latitude, photo.longitude) for photo in starter.photos])
    vectors = starter.vectors / np.linalg.norm(starter.vectors, axis=1, keepdims=True)
    return VectorSet(
        f"starter photos, {starter.encoder}",
        vectors.astype(np.float16),
        places,
        vectors.astype(np.float32),
        places,
        leave_one_out=True,
    )


def geoclip_set() -> VectorSet:
    """Return GeoCLIP's vectors of its 100,000 places, 200 of them held out."""
    read = read_places()
    places = np.stack([read.latitude, read.longitude], axis=1)
    out = np.random.default_rng(0).choice(len(places), HELD_OUT, replace=False)
    kept = np.setdiff1d(np.arange(len(places)), out)
    asked = read.vectors[out].astype(np.float32)
    return VectorSet("GeoCLIP locations", read.vectors[kept], places[kept], asked, places[out])


def made_set(rows: Rows) -> VectorSet:
    """Return the first of the made rows."""
    made = rows.made
    return VectorSet(
        "made",
        made.vectors[:MADE_ROWS],
        np.stack([made.latitude, made.longitude], axis=1)[:MADE_ROWS],
        made.query_vectors,
        np.stack([made.query_latitude, made.query_longitude], axis=1),
    )
