"""Where an encoder that torch runs is, and in which number format. Imports torch."""

from __future__ import annotations

from dataclasses import dataclass

import torch

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
        batch_size: by default 64 on CUDA, 16 on MPS, 8 on the CPU.

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
    return Placement(where, DTYPES[dtype], batch_size)
