"""Where an encoder runs, and from photos in batches to rows of unit length. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.errors import EncoderError
from geofix.tools.torch_loading import torch_device

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

_BATCH_SIZES = {"cuda": 64, "mps": 16}
_BATCH_SIZE_ELSEWHERE = 8


@dataclass(frozen=True, slots=True)
class Placement:
    """A device that exists, and how to use it."""

    device: torch.device
    """Where the weights live."""

    dtype: torch.dtype
    """Number format of weights and activations; vectors come out as float32 regardless."""

    batch_size: int
    """Most photos in one forward pass."""


def place(device: str | None, dtype: str | None, batch_size: int | None) -> Placement:
    """Fill in what the caller left open.

    Args:
        device: as torch spells it, such as "cuda:1"; by default CUDA, then MPS, then the CPU.
        dtype: one of `DTYPES`; by default float16 on CUDA, float32 elsewhere. float16 rather
            than bfloat16: eight times finer vectors, on every CUDA card; an overflow is an error
            of `embed`, never a silent infinity.
        batch_size: at least 1; by default 64 on CUDA, 16 on MPS, 8 on the CPU.

    Raises:
        EncoderError: the device is unknown or absent, or a value is out of range.
    """
    where = torch_device(device, EncoderError)
    if dtype is None:
        dtype = "float16" if where.type == "cuda" else "float32"
    if dtype not in DTYPES:
        raise EncoderError(f"dtype {dtype!r} is unknown; use one of {', '.join(DTYPES)}")
    if batch_size is None:
        batch_size = _BATCH_SIZES.get(where.type, _BATCH_SIZE_ELSEWHERE)
    if batch_size < 1:
        raise EncoderError(f"batch size {batch_size!r} is not usable; give 1 or more")
    return Placement(where, DTYPES[dtype], batch_size)


def embed_in_batches(
    images: Sequence[Image.Image],
    *,
    batch_size: int,
    dimension: int,
    name: str,
    embed_batch: Callable[[list[Image.Image]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Run `embed_batch` over RGB photos and normalise what it gives.

    Args:
        images: photos of any mode; converted to RGB where they are not.
        batch_size: most photos in one call of `embed_batch`.
        dimension: length of one vector.
        name: the encoder's, for the error's text.
        embed_batch: maps n RGB photos to `[n, dimension]`, of any norm.

    Returns:
        `[n, dimension]`, each row of L2 norm 1.

    Raises:
        EncoderError: a vector is not finite, has no length, or has another dimension.
    """
    vectors = np.empty((len(images), dimension), dtype=np.float32)
    for start in range(0, len(images), batch_size):
        batch = [_rgb(image) for image in images[start : start + batch_size]]
        rows = embed_batch(batch)
        if rows.shape != (len(batch), dimension):
            raise EncoderError(
                f"encoder {name!r} gave vectors of shape {rows.shape}, not "
                f"{(len(batch), dimension)}; the model and its config.json do not fit together"
            )
        vectors[start : start + len(batch)] = rows
    return unit_rows(vectors, name=name)


def unit_rows(vectors: NDArray[np.float32], *, name: str) -> NDArray[np.float32]:
    """Scale each row of `[n, d]` to L2 norm 1.

    Raises:
        EncoderError: a row is not finite or has no length.
    """
    # float64, since the squares of large finite float32 features overflow to infinity.
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(norms[:, 0]) | (norms[:, 0] == 0))
    if bad.size:
        raise EncoderError(
            f"encoder {name!r} gave an unusable vector for {bad.size} of {len(vectors)} photos "
            f"(first at position {int(bad[0])}): not finite, or of zero length; "
            "load it with dtype 'float32'"
        )
    unit: NDArray[np.float32] = (vectors / norms).astype(np.float32)
    return unit


def _rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGB")
