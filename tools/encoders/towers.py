"""Which part of a Hugging Face model sees, and which of its outputs is the photo's vector.

- SigLIP, SigLIP 2: the vision model's `pooler_output`, which its image-text loss compares.
- CLIP: the vision model with projection, `image_embeds`; what `get_image_features` returns, and
  so Img2Loc's choice.
- DINOv2: `last_hidden_state[:, 0]`, the CLS token after the last norm.

SigLIP 2 at a fixed resolution calls itself `siglip`; `siglip2` is its NaFlex variant.
DINOv3 is left out: its image processor exists for torchvision only (transformers 5.23).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from geofix.tools.errors import EncoderError


@dataclass(frozen=True, slots=True)
class Tower:
    """How to load and read one family."""

    module: str
    """Below `transformers.models`; imported alone, since the package imports far more."""

    model_class: str
    """The vision-only class in it."""

    size_field: str
    """The field of the vision config that holds the vector's dimension."""

    read: Callable[[Any], Tensor]
    """From the model's output to `[n, dimension]`."""

    def load_class(self) -> Any:
        """Import the model class."""
        return getattr(
            importlib.import_module(f"transformers.models.{self.module}"), self.model_class
        )


def _pooled(output: Any) -> Tensor:
    pooled: Tensor | None = output.pooler_output
    if pooled is None:
        raise EncoderError(
            "the model has no pooling head (config.json says vision_use_head false), "
            "so it gives no vector; use a checkpoint that has one"
        )
    return pooled


def _projected(output: Any) -> Tensor:
    projected: Tensor = output.image_embeds
    return projected


def _cls_token(output: Any) -> Tensor:
    token: Tensor = output.last_hidden_state[:, 0]
    return token


_SIGLIP = Tower("siglip.modeling_siglip", "SiglipVisionModel", "hidden_size", _pooled)
_SIGLIP2 = Tower("siglip2.modeling_siglip2", "Siglip2VisionModel", "hidden_size", _pooled)
_CLIP = Tower("clip.modeling_clip", "CLIPVisionModelWithProjection", "projection_dim", _projected)
_DINOV2 = Tower("dinov2.modeling_dinov2", "Dinov2Model", "hidden_size", _cls_token)
_DINOV2_REGISTERS = Tower(
    "dinov2_with_registers.modeling_dinov2_with_registers",
    "Dinov2WithRegistersModel",
    "hidden_size",
    _cls_token,
)

TOWERS = {
    "siglip": _SIGLIP,
    "siglip_vision_model": _SIGLIP,
    "siglip2": _SIGLIP2,
    "siglip2_vision_model": _SIGLIP2,
    "clip": _CLIP,
    "clip_vision_model": _CLIP,
    "dinov2": _DINOV2,
    "dinov2_with_registers": _DINOV2_REGISTERS,
}
"""Tower by `model_type` of config.json."""


def tower_for(model_type: str, *, name: str) -> Tower:
    """Find the tower of a model type.

    Raises:
        EncoderError: the type has no vision tower that geofix knows.
    """
    try:
        return TOWERS[model_type]
    except KeyError:
        raise EncoderError(
            f"encoder {name!r} is a {model_type!r} model, which has no vision tower that geofix "
            f"can use; give a model of type {', '.join(sorted(TOWERS))}"
        ) from None
