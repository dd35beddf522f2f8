"""GeoCLIP's 100,000 places as rows and queries; see evaluation/worlds/looks.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.made_gallery import Drawn
from geofix.evaluation.worlds.looks import (
    COUNT,
    DIMENSION,
    cache_folder,
    read_places,
)
from geofix.tools.encoders.geoclip_places import GeoclipPlaces

__all__ = ["COUNT", "DIMENSION", "GeoclipPlaces", "cache_folder", "draw_places", "read_places"]


def draw_places(rows: int, seed: int = 0, queries: int = 200, *, path: Path | None = None) -> Drawn:
    """Hold some places out as queries, and take others of the rest in random order.

    Args:
        rows: How many; fewer are a prefix of more.
        seed: Another one holds out others.
        queries: How many are held out.
        path: A .npy file to hold the vectors; in memory by default.

    Raises:
        ValueError: There are not as many places.
    """
    read = read_places()
    if rows + queries > len(read.vectors):
        raise ValueError(
            f"{rows!r} rows and {queries!r} queries are more than the {len(read.vectors)} places "
            "there are; take fewer"
        )
    rng = np.random.default_rng(seed)
    asked = rng.choice(len(read.vectors), queries, replace=False)
    kept = rng.permutation(np.setdiff1d(np.arange(len(read.vectors)), asked))[:rows]
    vectors = read.vectors[kept]
    if path is not None:
        np.save(path, vectors)
        vectors = np.load(path, mmap_mode="r")
    return Drawn(
        vectors,
        read.latitude[kept],
        read.longitude[kept],
        read.vectors[asked].astype(np.float32),
        read.latitude[asked],
        read.longitude[asked],
        _firsts(vectors),
    )


def _firsts(vectors: NDArray[np.float16]) -> NDArray[np.int64]:
    """Return for each row the first that has the same vector, `[n]`."""
    whole = np.ascontiguousarray(vectors).view(f"V{vectors.shape[1] * vectors.itemsize}").ravel()
    _, first, group = np.unique(whole, return_index=True, return_inverse=True)
    return np.asarray(first[group], np.int64)
