"""The starter encoder on torch: for CUDA, MPS and half precision. Imports torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from geofix.tools.encoders.batches import embed_in_batches, unit_rows
from geofix.tools.encoders.efficientnet_lite0 import (
    CLASSES,
    EPSILON,
    FEATURES,
    MEAN,
    NAME,
    SPREAD,
    STEM,
    Shape,
    blocks,
    middle,
    same_padding,
)
from geofix.tools.encoders.lite0_weights import read_weights
from geofix.tools.encoders.placement import Placement


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's "same"."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve `[n, in, h, w]` into `[n, out, ceil(h / stride), ceil(w / stride)]`."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1:
            return functional.conv2d(x, self.weight, None, 1, kernel // 2, 1, self.groups)
        before_after = [
            side
            for length in (x.shape[-1], x.shape[-2])
            for side in same_padding(length, kernel, stride)
        ]
        padded = functional.pad(x, before_after)
        return functional.conv2d(padded, self.weight, None, stride, 0, 1, self.groups)


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> SameConv:
    return SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON)


class Block(nn.Module):
    """An inverted residual block."""

    def __init__(self, shape: Shape) -> None:
        """Build the block."""
        super().__init__()
        wide = shape.wide
        self.expands = shape.expansion > 1
        self.adds = shape.adds
        if self.expands:
            self._expand_conv = _conv(shape.inputs, wide)
            self._bn0 = _norm(wide)
        self._depthwise_conv = _conv(wide, wide, shape.kernel, shape.stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = _conv(wide, shape.outputs)
        self._bn2 = _norm(shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[n, inputs, h, w]` to `[n, outputs, h / stride, w / stride]`."""
        y: Tensor = x
        if self.expands:
            y = functional.relu6(self._bn0(self._expand_conv(y)), inplace=True)
        y = functional.relu6(self._bn1(self._depthwise_conv(y)), inplace=True)
        y = self._bn2(self._project_conv(y))
        return x + y if self.adds else y


class EfficientNetLite0(nn.Module):
    """The whole network; attribute names are those of the weights, so that they load strictly."""

    def __init__(self) -> None:
        """Build the network with random weights, 4.65 million parameters."""
        super().__init__()
        self._conv_stem = _conv(3, STEM, 3, 2)
        self._bn0 = _norm(STEM)
        shapes = list(blocks())
        self._blocks = nn.ModuleList(Block(shape) for shape in shapes)
        self._conv_head = _conv(shapes[-1].outputs, FEATURES)
        self._bn1 = _norm(FEATURES)
        self._fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map pixels `[n, 3, 224, 224]`, normalised, to pooled features and ImageNet logits."""
        x = functional.relu6(self._bn0(self._conv_stem(x)), inplace=True)
        for block in self._blocks:
            x = block(x)
        x = functional.relu6(self._bn1(self._conv_head(x)), inplace=True)
        pooled = x.mean(dim=(2, 3))
        return pooled, self._fc(pooled)


class TorchLite0Encoder:
    """1280 pooled features, and the classes. Satisfies `Encoder` and `Classifier`."""

    name = NAME
    dimension = FEATURES

    def __init__(self, placement: Placement) -> None:
        """Read the published weights to where they run.

        Raises:
            EncoderError: The weights are missing or others.
        """
        self._placement = placement
        with torch.device("meta"):
            network = EfficientNetLite0()
        # The file keeps TensorFlow's axis order by strides, which make convolutions take a slow
        # path; copies also are writable, as torch wants them.
        state = {name: torch.from_numpy(array.copy("C")) for name, array in read_weights().items()}
        network.load_state_dict(state, assign=True)
        network = network.eval().requires_grad_(False)
        self._network = network.to(placement.device, placement.dtype)
        # Depthwise convolutions on CPU: 12 ms a photo this way, 22 ms with channels first.
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
            embed_batch=lambda batch: self._run(batch)[0],
        )

    def logits(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Classify photos; see `Classifier.logits`."""
        return self._run(images)[1]

    def embed_and_classify(
        self, images: Sequence[Image.Image]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Do both in one pass; see `Classifier.embed_and_classify`."""
        features, logits = self._run(images)
        return unit_rows(features, name=self.name), logits

    def _run(
        self, images: Sequence[Image.Image]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if not images:
            return np.empty((0, FEATURES), np.float32), np.empty((0, CLASSES), np.float32)
        stacked = torch.from_numpy(np.stack([middle(image) for image in images]))
        # Permuting bytes of [n, h, w, 3] gives channels_last as it stands, without a copy.
        pixels = stacked.permute(0, 3, 1, 2).to(self._placement.device, torch.float32)
        with torch.inference_mode():
            outputs = self._network(((pixels / 255 - MEAN) / SPREAD).to(self._placement.dtype))
        features, logits = (rows.float().cpu().numpy() for rows in outputs)
        return features, logits
