"""Real geographic vectors: GeoCLIP's location encoder over its own gallery of 100,000 places.

Vivanco Cepeda et al., GeoCLIP (NeurIPS 2023, arXiv 2309.16020): a place is projected (Equal Earth),
lifted by random Fourier features at three scales, and each scale has a small network; the sum is
trained to be like CLIP's image vectors of that place. Weights and places are files in the package
`geoclip` (MIT), which is downloaded and never installed: its import would need torchvision.
"""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "geoclip==1.3.0"
WEIGHTS = "geoclip/model/weights/location_encoder_weights.pth"
PLACES = "geoclip/model/gps_gallery/coordinates_100K.csv"

EQUAL_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)
"""A1 to A4 of the projection (Savric, Patterson & Jenny 2018)."""

SCALE = 66.50336 / 180.0
"""What GeoCLIP multiplies the projected coordinates with."""

COUNT, DIMENSION = 100_000, 512
"""Places there are (94,123 of them distinct), and numbers in a vector."""

BLOCK = 5_000


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
            vectors = encode(wheel.read(WEIGHTS), table[:, 0], table[:, 1])
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
        vectors = encode(wheel.read(WEIGHTS), latitude, longitude)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def encode(
    weights: bytes, latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return GeoCLIP's vectors of places, `[n, 512]`, not normalised.

    Args:
        weights: The package's `location_encoder_weights.pth`.
        latitude: Degrees, `[n]`.
        longitude: Degrees, `[n]`.
    """
    import torch  # noqa: PLC0415 - a second; whoever has the vectors needs none of it

    state = torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True)
    places = torch.tensor(np.stack([latitude, longitude], axis=1), dtype=torch.float32)
    with torch.inference_mode():
        blocks = [_encode(state, block) for block in torch.split(places, BLOCK)]
    return torch.cat(blocks).numpy()


def _wheel() -> Path:
    folder = cache_folder() / "geoclip"
    if not list(folder.glob("*.whl")):
        download = ["download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE]
        subprocess.run([sys.executable, "-m", "pip", *download], check=True)
    return next(folder.glob("*.whl"))


def _encode(state: dict[str, Tensor], places: Tensor) -> Tensor:
    import torch  # noqa: PLC0415 - as in `encode`

    projected = _equal_earth(places)
    summed = torch.zeros(len(places), 512)
    for scale in range(3):
        part = f"LocEnc{scale}"
        waves = 2 * torch.pi * projected @ state[f"{part}.capsule.0.b"].T
        hidden = torch.cat([waves.cos(), waves.sin()], dim=-1)
        for layer in (1, 3, 5):
            name = f"{part}.capsule.{layer}"
            hidden = (hidden @ state[f"{name}.weight"].T + state[f"{name}.bias"]).relu()
        summed += hidden @ state[f"{part}.head.0.weight"].T + state[f"{part}.head.0.bias"]
    return summed


def _equal_earth(places: Tensor) -> Tensor:
    """Project latitude and longitude in degrees, `[n, 2]`, to x and y as GeoCLIP scales them."""
    import torch  # noqa: PLC0415 - as in `encode`

    a1, a2, a3, a4 = EQUAL_EARTH
    latitude, longitude = places.deg2rad().unbind(dim=1)
    theta = (3**0.5 / 2 * latitude.sin()).asin()
    slope = 3 * (9 * a4 * theta**8 + 7 * a3 * theta**6 + 3 * a2 * theta**2 + a1)
    x = 2 * 3**0.5 * longitude * theta.cos() / slope
    y = a4 * theta**9 + a3 * theta**7 + a2 * theta**3 + a1 * theta
    return torch.stack([x, y], dim=1) * SCALE
