"""Real geographic vectors: GeoCLIP's location encoder over its own gallery of 100,000 places.

Weights and places are files in the package `geoclip` (MIT), which is downloaded and not installed;
see `geofix.tools.location_encoder`.
"""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from geofix.tools.location_encoder import DIMENSION, LocationEncoder

__all__ = ["COUNT", "DIMENSION", "Places", "cache_folder", "read_places", "vectors_at"]

PACKAGE = "geoclip==1.3.0"
WEIGHTS = "geoclip/model/weights/location_encoder_weights.pth"
PLACES = "geoclip/model/gps_gallery/coordinates_100K.csv"

COUNT = 100_000
"""Places there are, 94,123 of them distinct."""


@dataclass(frozen=True)
class Places:
    """GeoCLIP's gallery."""

    vectors: NDArray[np.float16]
    """`[n, 512]`, L2-normalised."""
    latitude: NDArray[np.float64]
    """Degrees, `[n]`."""
    longitude: NDArray[np.float64]
    """Degrees, `[n]`."""
    norms: NDArray[np.float32]
    """Length of each vector before it was normalised, `[n]`."""


def cache_folder() -> Path:
    """Return the folder where benchmarks and worlds keep what they download or make."""
    folder = user_cache_path("geofix") / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read_places() -> Places:
    """Return the gallery; the first call downloads 40 MB and takes a minute.

    Raises:
        subprocess.CalledProcessError: pip could not download the package.
    """
    kept = cache_folder() / "geoclip-1.3.0.npz"
    if not kept.is_file():
        with zipfile.ZipFile(_wheel()) as wheel:
            table = np.loadtxt(io.BytesIO(wheel.read(PLACES)), delimiter=",", skiprows=1)
            vectors = LocationEncoder(wheel.read(WEIGHTS)).encode(table[:, 0], table[:, 1])
        norms = np.linalg.norm(vectors, axis=1)
        unit = (vectors / norms[:, None]).astype(np.float16)
        made = kept.with_suffix(".half.npz")
        np.savez(made, vectors=unit, latitude=table[:, 0], longitude=table[:, 1], norms=norms)
        made.rename(kept)
    with np.load(kept) as data:
        return Places(data["vectors"], data["latitude"], data["longitude"], data["norms"])


def vectors_at(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return L2-normalised vectors of any places, `[n, 512]`; about 1 ms each.

    Raises:
        subprocess.CalledProcessError: pip could not download the package.
    """
    with zipfile.ZipFile(_wheel()) as wheel:
        vectors = LocationEncoder(wheel.read(WEIGHTS)).encode(latitude, longitude)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _wheel() -> Path:
    folder = cache_folder() / "geoclip"
    if not list(folder.glob("*.whl")):
        download = ["download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE]
        # -P: else a `pip.py` in the working folder would be run in place of pip.
        subprocess.run([sys.executable, "-P", "-m", "pip", *download], check=True)
    return next(folder.glob("*.whl"))
