"""Where a model runs, and in which numbers. Imports torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import torch
import transformers

from geofix.tools.errors import ModelError

Dtype = Literal["float32", "bfloat16", "float16"]
Quantization = Literal["4bit", "8bit"]

_transformers: Any = transformers


@dataclass(frozen=True, slots=True)
class Placement:
    """How the weights are loaded."""

    dtype: torch.dtype
    device: torch.device | None
    """None spreads the layers over all devices there are."""
    quantization: Quantization | None

    def options(self) -> dict[str, Any]:
        """Return what `from_pretrained` is told."""
        options: dict[str, Any] = {"dtype": self.dtype}
        if self.device is None:
            options["device_map"] = "auto"
        elif find_spec("accelerate") is not None:
            # Straight to where they belong; else all of it goes through the machine's memory.
            options["device_map"] = {"": self.device}
        if self.quantization == "4bit":
            options["quantization_config"] = _transformers.BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=self.dtype
            )
        elif self.quantization == "8bit":
            options["quantization_config"] = _transformers.BitsAndBytesConfig(load_in_8bit=True)
        return options


def place(device: str | None, dtype: Dtype | None, quantization: Quantization | None) -> Placement:
    """Fill in what was left open.

    Args:
        device: As torch spells it; "auto" spreads the layers over all GPUs; by default CUDA, then
            MPS, then the CPU.
        dtype: By default bfloat16 on CUDA where the card has it, else float16; float32 on the CPU.
        quantization: Of the weights, by bitsandbytes.

    Raises:
        ModelError: The device is unknown or absent, or a package that is needed is not installed.
    """
    if quantization is not None:
        _require("bitsandbytes", f"quantization {quantization!r}", "pip install bitsandbytes")
        _require("accelerate", f"quantization {quantization!r}", "pip install 'geofix[local]'")
    if device == "auto":
        _require("accelerate", "device 'auto'", "pip install 'geofix[local]'")
    where = None if device == "auto" else _device(device)
    kind = _best().type if where is None else where.type
    return Placement(_dtype(dtype, kind), where, quantization)


def _require(package: str, what: str, how: str) -> None:
    if find_spec(package) is None:
        raise ModelError(f"{what} needs the package {package!r}; install it with {how}")


def _best() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _device(device: str | None) -> torch.device:
    if device is None:
        return _best()
    try:
        where = torch.device(device)
        torch.empty(0, device=where)
    # A build of torch without CUDA says so by AssertionError; a backend without a module, by
    # ModuleNotFoundError; an unknown name, by RuntimeError.
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise ModelError(
            f"device {device!r} cannot be used here ({error}); use 'cpu', 'auto' or leave it out"
        ) from error
    if where.type == "meta":
        raise ModelError(f"device {device!r} computes nothing; use 'cpu' or leave it out")
    return where


def _dtype(dtype: Dtype | None, kind: str) -> torch.dtype:
    if dtype is not None:
        return {
            "float32": torch.float32,
            "bfloat16": torch.bfloat16,
            "float16": torch.float16,
        }[dtype]
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float16 if kind == "mps" else torch.float32
