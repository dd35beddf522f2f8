"""The network EfficientNet-Lite0 in torch: no squeeze-and-excite, ReLU6, fixed stem and head.

Source: github.com/tensorflow/tpu, models/official/efficientnet/lite. Attribute names follow the
published weights, so that they load strictly. Importing this module imports torch.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

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
