"""The sets of vectors on which centring is judged: real ones, and what was drawn for the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import geoclip_vectors
from benchmarks.gallery.rows import GEOCLIP, Rows
from benchmarks.made_gallery import Drawn
from geofix.tools.starter import read_starter

HELD_OUT = 200
MOST_ROWS = 100_000
"""Of what was drawn, at most: its raw index takes as long to build as geofix's own."""

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
    alike: NDArray[np.int64] | None = None
    """`[n]`, the first row with the same vector; see `recall`."""


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
    rows = geoclip_vectors.COUNT - HELD_OUT
    return drawn_set(GEOCLIP, geoclip_vectors.draw_places(rows, queries=HELD_OUT))


def real_sets_beside(rows: Rows) -> list[VectorSet]:
    """Return the real sets other than the rows themselves."""
    return [starter_set()] if rows.name == GEOCLIP else [starter_set(), geoclip_set()]


def drawn_set(name: str, drawn: Drawn) -> VectorSet:
    """Return the first of what was drawn."""
    return VectorSet(
        name,
        drawn.vectors[:MOST_ROWS],
        np.stack([drawn.latitude, drawn.longitude], axis=1)[:MOST_ROWS],
        drawn.query_vectors,
        np.stack([drawn.query_latitude, drawn.query_longitude], axis=1),
        alike=drawn.alike,
    )
