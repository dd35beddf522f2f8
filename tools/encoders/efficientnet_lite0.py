"""The starter encoder: EfficientNet-Lite0, whose weights come with a package. OpenCV runs it.

It knows ImageNet's thousand classes: enough to tell a dome from a barber's shop and to find the
same street corner again, not enough to tell countries apart.

Source: github.com/tensorflow/tpu, models/official/efficientnet/lite. Names of layers are those of
the published weights. `geofix.tools.encoders.lite0_torch` runs the same on other devices.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.encoders.batches import unit_rows
from geofix.tools.encoders.lite0_weights import SHA256, read_weights
from geofix.tools.encoders.onnx import Network

FEATURES = 1280
CLASSES = 1000
RESOLUTION = 224

NAME = f"efficientnet-lite0-{SHA256[:8]}"
"""Name of the encoder, whatever runs it: the vectors are the same to 1e-6."""

EPSILON = 1e-3
"""As in TensorFlow's batch norm, which trained these weights; torch's 1e-5 shifts all features."""

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
STEM = 32
"""Channels of the first convolution."""

# Of the published evaluation: the middle 224/256 of the shorter side, scaled to about [-1, 1].
_KEPT = 0.875
MEAN, SPREAD = 0.498, 0.502


@dataclass(frozen=True, slots=True)
class Shape:
    """An inverted residual block: widen, filter each channel, narrow, add where shapes allow."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    expansion: int
    """How many times wider it is inside; 1 has no widening convolution."""

    @property
    def wide(self) -> int:
        """Channels inside."""
        return self.inputs * self.expansion

    @property
    def adds(self) -> bool:
        """Whether what came in is added to what comes out."""
        return self.stride == 1 and self.inputs == self.outputs


def blocks() -> Iterator[Shape]:
    """Yield the shapes of the blocks in their order."""
    inputs = STEM
    for repeats, kernel, stride, expansion, outputs in _STAGES:
        for repeat in range(repeats):
            yield Shape(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion)
            inputs = outputs


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return TensorFlow's "same" padding before and after: the odd pixel goes right and below."""
    outputs = -(-length // stride)
    missing = max((outputs - 1) * stride + kernel - length, 0)
    return missing // 2, missing - missing // 2


def middle(image: Image.Image) -> NDArray[np.uint8]:
    """Return the part of a photo that the network sees, `[224, 224, 3]` in RGB."""
    width, height = image.size
    margin = min(width, height) * _KEPT / 2
    box = (width / 2 - margin, height / 2 - margin, width / 2 + margin, height / 2 + margin)
    small = image.convert("RGB").resize((RESOLUTION, RESOLUTION), Image.Resampling.BICUBIC, box)
    return np.asarray(small)


class EfficientNetLite0Encoder:
    """1280 pooled features, and the classes. Satisfies `Encoder` and `Classifier`."""

    name = NAME
    dimension = FEATURES

    def __init__(self) -> None:
        """Build the network from the published weights.

        Raises:
            EncoderError: The weights are missing or others.
        """
        self._network = cv2.dnn.readNetFromONNX(np.frombuffer(_onnx(), np.uint8))
        # A network of OpenCV's holds what it computes, so it serves one thread at a time. It runs
        # on all cores, so threads that take turns lose nothing.
        self._lock = threading.Lock()

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Embed photos; see `Encoder.embed`."""
        return self.embed_and_classify(images)[0]

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
        features = np.empty((len(images), FEATURES), np.float32)
        logits = np.empty((len(images), CLASSES), np.float32)
        # One by one: batches are no faster on the CPU, and so no vector depends on its batch.
        for row, image in enumerate(images):
            pixels = (
                middle(image).transpose(2, 0, 1)[np.newaxis] / np.float32(255) - MEAN
            ) / SPREAD
            with self._lock:
                self._network.setInput(np.ascontiguousarray(pixels, np.float32))
                features[row], logits[row] = self._network.forward(["features", "logits"])
        return features, logits


class _Writer:
    """Writes the layers, each batch norm folded into the convolution before it."""

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        self._weights = weights
        self.network = Network()
        self._bounds = [
            self.network.weight(name, np.full((), value, np.float32))
            for name, value in (("zero", 0), ("six", 6))
        ]

    def conv(
        self,
        x: str,
        name: str,
        norm: str,
        length: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        clipped: bool = True,
    ) -> str:
        """Add a convolution of pictures `length` pixels wide, its batch norm, and ReLU6."""
        of = self._weights
        scale = of[f"{norm}.weight"] / np.sqrt(of[f"{norm}.running_var"].astype(float) + EPSILON)
        shift = of[f"{norm}.bias"] - of[f"{norm}.running_mean"] * scale
        kernels = of[f"{name}.weight"] * scale.astype(np.float32)[:, None, None, None]
        before, after = same_padding(length, kernel, stride)
        y = self.network.node(
            "Conv",
            [
                x,
                self.network.weight(f"{name}.weight", kernels),
                self.network.weight(f"{name}.bias", shift.astype(np.float32)),
            ],
            name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )
        return self.network.node("Clip", [y, *self._bounds], f"{y}.clipped") if clipped else y

    def block(self, x: str, name: str, length: int, shape: Shape) -> str:
        """Add a block for pictures `length` pixels wide."""
        y = x
        if shape.expansion > 1:
            y = self.conv(y, f"{name}._expand_conv", f"{name}._bn0", length)
        y = self.conv(
            y,
            f"{name}._depthwise_conv",
            f"{name}._bn1",
            length,
            kernel=shape.kernel,
            stride=shape.stride,
            groups=shape.wide,
        )
        y = self.conv(
            y, f"{name}._project_conv", f"{name}._bn2", length // shape.stride, clipped=False
        )
        return self.network.node("Add", [x, y], f"{name}.sum") if shape.adds else y

    def head(self, x: str, length: int) -> None:
        """Add the pooled features and the classes."""
        y = self.conv(x, "_conv_head", "_bn1", length)
        pooled = self.network.node("GlobalAveragePool", [y], "pooled")
        features = self.network.node("Flatten", [pooled], "features", axis=1)
        last = [
            self.network.weight(name, np.ascontiguousarray(self._weights[name]))
            for name in ("_fc.weight", "_fc.bias")
        ]
        self.network.node("Gemm", [features, *last], "logits", transB=1)


def _onnx() -> bytes:
    writer = _Writer(read_weights())
    x = writer.conv("pixels", "_conv_stem", "_bn0", RESOLUTION, kernel=3, stride=2)
    length = RESOLUTION // 2
    for index, shape in enumerate(blocks()):
        x = writer.block(x, f"_blocks.{index}", length, shape)
        length //= shape.stride
    writer.head(x, length)
    return writer.network.file(
        {"pixels": (1, 3, RESOLUTION, RESOLUTION)},
        {"features": (1, FEATURES), "logits": (1, CLASSES)},
    )
