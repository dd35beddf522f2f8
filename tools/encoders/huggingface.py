"""Any vision tower in Hugging Face's format as an encoder. Imports torch and transformers.

- SigLIP, SigLIP 2: the vision model's `pooler_output`, which its image-text loss compares.
- CLIP: the vision model with projection, `image_embeds`; what `get_image_features` returns, and
  so Img2Loc's choice.
- DINOv2: `last_hidden_state[:, 0]`, the CLS token after the last norm.

SigLIP 2 at a fixed resolution calls itself `siglip`; `siglip2` is its NaFlex variant.
DINOv3 is left out: its image processor exists for torchvision only (transformers 5.23).
"""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from geofix.tools.encoders.batches import embed_in_batches
from geofix.tools.encoders.placement import Placement
from geofix.tools.encoders.snapshots import Snapshot
from geofix.tools.errors import EncoderError
from geofix.tools.torch_loading import transformers_loading


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


# transformers annotates few of its functions: Any keeps mypy from refusing to call the others.
_transformers: Any = transformers


class HuggingFaceEncoder:
    """A vision tower with its own image processor. Satisfies `Encoder`."""

    def __init__(
        self, name: str, *, tower: Tower, model: Any, processor: Any, placement: Placement
    ) -> None:
        """Take a loaded model and move it to where it runs."""
        self.name = name
        self.dimension = int(getattr(model.config, tower.size_field))
        self._tower = tower
        self._model = model.eval().requires_grad_(False).to(placement.device)
        self._processor = processor
        self._placement = placement

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Embed photos; see `Encoder.embed`."""
        return embed_in_batches(
            images,
            batch_size=self._placement.batch_size,
            dimension=self.dimension,
            name=self.name,
            embed_batch=self.features,
        )

    def prepare(self, images: Sequence[Image.Image]) -> dict[str, torch.Tensor]:
        """Preprocess as the model's image processor does: the keyword arguments of its call."""
        features = self._processor(images=list(images), return_tensors="pt")
        moved = features.to(self._placement.device, dtype=self._placement.dtype)
        return dict(moved)

    def features(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return what the tower gives, `[n, dimension]`, not normalised; in one forward pass.

        Raises:
            EncoderError: The model failed.
        """
        try:
            with torch.inference_mode():
                output = self._model(**self.prepare(images))
                rows: NDArray[np.float32] = self._tower.read(output).float().cpu().numpy()
                return rows
        except torch.OutOfMemoryError as error:
            raise EncoderError(
                f"encoder {self.name!r} ran out of memory on {len(images)} photos; "
                f"give a batch_size below {self._placement.batch_size}"
            ) from error
        except (RuntimeError, ValueError) as error:
            raise EncoderError(
                f"encoder {self.name!r} failed on {len(images)} photos ({error}); check that "
                "its preprocessor_config.json belongs to its config.json"
            ) from error


def load(snapshot: Snapshot, placement: Placement) -> HuggingFaceEncoder:
    """Load the vision tower of a snapshot, and nothing by way of code from it.

    Raises:
        EncoderError: the model has no vision tower known here, its files are damaged, or they
            lack some of the tower's weights (which would be random numbers otherwise).
    """
    name, folder = snapshot.name, str(snapshot.folder)
    try:
        with transformers_loading():
            config = _transformers.AutoConfig.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            )
            tower = tower_for(config.model_type, name=name)
            # PIL's processors whether torchvision is there or not: the two resize differently,
            # and vectors must not depend on what else is installed.
            processor = _transformers.AutoImageProcessor.from_pretrained(
                folder, backend="pil", trust_remote_code=False, local_files_only=True
            )
            model, report = tower.load_class().from_pretrained(
                folder,
                dtype=placement.dtype,
                local_files_only=True,
                output_loading_info=True,
            )
    except (
        OSError,
        ValueError,
        RuntimeError,
        KeyError,
        TypeError,
        AttributeError,
        ImportError,
        SafetensorError,
        pickle.UnpicklingError,
    ) as error:
        raise EncoderError(
            f"encoder {name!r} cannot be loaded from {folder!r} ({error}); "
            "check the files there or download them again"
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise EncoderError(
            f"encoder {name!r} lacks {len(missing)} weights of its vision tower in {folder!r}, "
            f"such as {missing[0]!r}; download it again or give a complete checkpoint"
        )
    return HuggingFaceEncoder(
        name, tower=tower, model=model, processor=processor, placement=placement
    )
