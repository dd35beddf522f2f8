"""Galleries of random vectors, and how numpy ranks them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from geofix.db.load.ingest import GeotaggedPhoto, Ingest

Floats = NDArray[np.float32]


def add(
    engine: Engine,
    vectors: Floats,
    *,
    gallery: str = "g",
    encoder: str = "e",
    prefix: str = "p",
    locations: Mapping[int, str] = MappingProxyType({}),
) -> None:
    photos = [
        GeotaggedPhoto(
            "made",
            f"{prefix}{i:03}",
            10.0,
            20.0,
            sha256=f"{prefix}-hash-{i}",
            location=locations.get(i),
        )
        for i in range(len(vectors))
    ]
    Ingest(engine).add(gallery, encoder, photos, np.asarray(vectors, dtype=np.float32))
    Ingest(engine).finish(encoder)


def unit(rng: np.random.Generator, rows: int, dimension: int) -> Floats:
    """Random directions around one that all share, as the vectors of vision encoders are."""
    vectors = rng.normal(size=(rows, dimension)) + 1.0
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def half(values: NDArray[np.floating]) -> NDArray[np.float64]:
    return values.astype(np.float16).astype(np.float64)


def cosines(vectors: Floats, query: Floats, *, centred: bool) -> NDArray[np.float64]:
    """What the database is to compute, in numpy: of what is kept, in halves."""
    kept, probe = half(vectors), query.astype(np.float64)
    if centred:
        mean = half(kept.mean(axis=0))
        kept, probe = kept - mean, probe - mean
    probe = half(probe / np.linalg.norm(probe))
    scale = np.linalg.norm(kept, axis=1) * np.linalg.norm(probe)
    result: NDArray[np.float64] = kept @ probe / scale
    return result


def names(found: list[int]) -> list[str]:
    return [f"p{i:03}" for i in found]
