"""GeoCLIP's own gallery: 100,000 places with the vectors of its location encoder.

Vivanco Cepeda et al., GeoCLIP (NeurIPS 2023, arXiv 2309.16020). The vectors take a minute to
compute, so they are kept in a file, by the hash of what they are made from.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from geofix.tools.encoders.location import LocationEncoder

TABLE = "gps_gallery/coordinates_100K.csv"
"""In the package's folder `model`: a header, then latitude and longitude, degrees."""

MOST_BYTES = 50_000_000
"""Of the table; the package's has 4 million."""


@dataclass(frozen=True)
class GeoclipPlaces:
    """GeoCLIP's gallery."""

    vectors: NDArray[np.float16]
    """`[n, 512]`, L2-normalised."""
    latitude: NDArray[np.float64]
    """Degrees, `[n]`."""
    longitude: NDArray[np.float64]
    """Degrees, `[n]`."""
    norms: NDArray[np.float32]
    """Length of each vector before it was normalised, `[n]`."""


def cached_places(table: bytes, weights: bytes) -> GeoclipPlaces:
    """Return the gallery of a table, kept in the user's cache folder.

    Args:
        table: As the package has it.
        weights: Of the location encoder.

    Raises:
        ValueError: The table is too large, or no table of coordinates.
    """
    digest = hashlib.sha256(hashlib.sha256(table).digest() + weights).hexdigest()
    folder = user_cache_path("geofix")
    folder.mkdir(parents=True, exist_ok=True)
    return kept_places(folder / f"geoclip-places-{digest[:16]}.npz", table, weights)


def kept_places(kept: Path, table: bytes, weights: bytes) -> GeoclipPlaces:
    """Return the gallery from a file; made and kept there if there is none, or a damaged one.

    Args:
        kept: The file.
        table: As the package has it.
        weights: Of the location encoder.

    Raises:
        ValueError: The table is too large, or no table of coordinates.
    """
    try:
        return _read(kept)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        pass
    if len(table) > MOST_BYTES:
        raise ValueError(f"the table of places has {len(table):,} bytes, over {MOST_BYTES:,}")
    points = np.loadtxt(io.BytesIO(table), delimiter=",", skiprows=1, ndmin=2)
    if points.shape[1:] != (2,) or not np.all(np.abs(points) <= (90, 180)):
        raise ValueError("the table of places has other columns than latitude and longitude")
    vectors = LocationEncoder(weights).encode(points[:, 0], points[:, 1])
    norms = np.linalg.norm(vectors, axis=1)
    unit = (vectors / norms[:, None]).astype(np.float16)
    made = kept.with_suffix(f".{os.getpid()}.half.npz")
    np.savez(made, vectors=unit, latitude=points[:, 0], longitude=points[:, 1], norms=norms)
    made.replace(kept)
    return _read(kept)


def _read(kept: Path) -> GeoclipPlaces:
    with np.load(kept) as data:
        return GeoclipPlaces(data["vectors"], data["latitude"], data["longitude"], data["norms"])
