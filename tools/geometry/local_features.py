"""Local features of a picture: SIFT (Lowe 2004) as RootSIFT (Arandjelovic and Zisserman 2012).

They are small enough to be kept: 132 bytes a feature, and what is kept is exactly what was found.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.errors import PhotoError

LONGER_SIDE_PX = 640
"""Pictures are scaled down to this; smaller ones keep their size."""

SHORTEST_SIDE_PX = 32
"""Minimum shorter side after scaling; below it, SIFT's coarser octaves are empty."""

MOST_FEATURES = 1000
"""The strongest are kept."""

IGNORED_STRIP = 0.05
"""Share of the height at the bottom that is ignored, for watermarks and lines of text."""

METHOD = f"sift {LONGER_SIDE_PX} {MOST_FEATURES} v1"
"""Name of the method; features of different methods are never compared."""

_STEPS_PER_PX = 64
_DIMENSION = 128


@dataclass(frozen=True, slots=True)
class LocalFeatures:
    """The features of one picture, strongest first."""

    points: NDArray[np.uint16]
    """`[n, 2]`, x and y in 1/64 px of the scaled picture."""
    descriptors: NDArray[np.uint8]
    """`[n, 128]`, SIFT's histograms as OpenCV gives them, which are whole numbers."""
    width: int
    """Width of the scaled picture in pixels."""
    height: int
    """Height of the scaled picture in pixels."""

    def points_px(self) -> NDArray[np.float64]:
        """Return the points `[n, 2]` in pixels of the scaled picture."""
        return self.points.astype(np.float64) / _STEPS_PER_PX

    def unit(self) -> NDArray[np.float32]:
        """Return RootSIFT `[n, 128]`, of unit length: its dot product is Hellinger's kernel."""
        histograms = self.descriptors.astype(np.float32)
        total = np.maximum(histograms.sum(axis=1, keepdims=True), 1.0)
        return np.asarray(np.sqrt(histograms / total), dtype=np.float32)

    def to_bytes(self) -> bytes:
        """Return points and descriptors as bytes, little-endian, 132 a feature."""
        return self.points.astype("<u2").tobytes() + self.descriptors.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, width: int, height: int) -> LocalFeatures:
        """Return what `to_bytes` was given.

        Raises:
            ValueError: These are not whole features.
        """
        count, left = divmod(len(data), 4 + _DIMENSION)
        if left:
            raise ValueError(
                f"{len(data)!r} bytes are not a multiple of a feature's {4 + _DIMENSION}"
            )
        points = np.frombuffer(data, "<u2", count=2 * count).reshape(count, 2)
        descriptors = np.frombuffer(data, np.uint8, offset=4 * count).reshape(count, _DIMENSION)
        return cls(points.astype(np.uint16), descriptors, width, height)


def local_features(
    image: Image.Image,
    *,
    longer_side_px: int = LONGER_SIDE_PX,
    most: int = MOST_FEATURES,
    ignored_strip: float = IGNORED_STRIP,
) -> LocalFeatures:
    """Find the strongest features of a picture; a blank one has none.

    Raises:
        PhotoError: It is too small or too narrow.
    """
    gray = _scaled_gray(image, longer_side_px)
    height, width = gray.shape
    # Cut off, since OpenCV applies a mask only after it has chosen the strongest.
    above = gray[: height - round(height * ignored_strip)]
    # OpenCV keeps all that are as strong as the last one kept, which may be more than asked for.
    points, histograms = cv2.SIFT.create(nfeatures=most).detectAndCompute(above, None)
    if histograms is None:
        empty = np.empty((0, 2), dtype=np.uint16)
        return LocalFeatures(empty, np.empty((0, _DIMENSION), dtype=np.uint8), width, height)
    strength = np.array([point.response for point in points])
    chosen = np.argsort(-strength, kind="stable")[:most]
    at = np.array([point.pt for point in points])[chosen] * _STEPS_PER_PX
    return LocalFeatures(
        np.rint(np.maximum(at, 0)).astype(np.uint16),
        np.rint(histograms[chosen]).astype(np.uint8),
        width,
        height,
    )


def _scaled_gray(image: Image.Image, longer_side_px: int) -> NDArray[np.uint8]:
    scale = min(1.0, longer_side_px / max(image.size))
    size = (round(image.width * scale), round(image.height * scale))
    if min(size) < SHORTEST_SIDE_PX:
        raise PhotoError(
            f"a picture of {image.width!r} x {image.height!r} pixels is too small or too narrow"
            f" to match; after scaling to a longer side of {longer_side_px} pixels, the shorter"
            f" side must have at least {SHORTEST_SIDE_PX}"
        )
    gray = image.convert("L")
    if size != image.size:
        gray = gray.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    return np.asarray(gray)
