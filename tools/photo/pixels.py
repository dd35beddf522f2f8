"""Converts any image to upright 8-bit sRGB pixels without metadata."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms

from geofix.tools.errors import quiet

_Transpose = Image.Transpose
_UPRIGHT = {
    2: _Transpose.FLIP_LEFT_RIGHT,
    3: _Transpose.ROTATE_180,
    4: _Transpose.FLIP_TOP_BOTTOM,
    5: _Transpose.TRANSPOSE,
    6: _Transpose.ROTATE_270,
    7: _Transpose.TRANSVERSE,
    8: _Transpose.ROTATE_90,
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
_KEPT_MODES = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})


def orientation(image: Image.Image) -> int:
    """Read EXIF's orientation, 1 to 8, from a decoded image; 1 where it is absent or odd.

    After decoding, since Pillow turns a TIFF upright as it decodes and then drops the tag.
    """
    try:
        with quiet():
            value = image.getexif().get(ExifTags.Base.Orientation)
    # Pillow's EXIF parser raises whatever its structs and dicts do; `read_claim` notes it.
    except Exception:
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def is_sideways(orientation: int) -> bool:
    """Tell whether width and height swap when a photo of this orientation is put upright."""
    return orientation in _SIDEWAYS


def to_upright_srgb(image: Image.Image, *, max_side: int) -> tuple[Image.Image, list[str]]:
    """Shrink, convert and turn a decoded image.

    Args:
        image: decoded, in any of Pillow's modes.
        max_side: longest side of the result, pixels; smaller images keep their size.

    Returns:
        A new RGB image with an empty `info`; and notes on what was lost or assumed.
    """
    notes: list[str] = []
    turn = _UPRIGHT.get(orientation(image))
    profile = image.info.get("icc_profile")
    shrunk = _shrink(_to_eight_bits(image, notes), max_side)
    # Profiles are made for colors without alpha.
    opaque = shrunk.convert(shrunk.mode[:-1]) if shrunk.mode in ("LA", "RGBA") else shrunk
    colors = _to_srgb(opaque, profile, notes)
    if opaque is not shrunk:
        colors = _on_white(colors, shrunk.getchannel("A"), notes)
    upright = colors if turn is None else colors.transpose(turn)
    return Image.frombytes("RGB", upright.size, upright.tobytes()), notes


def _to_eight_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    """Bring any mode to one of `_KEPT_MODES`."""
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled(image, notes)
    # A palette or a color may be marked transparent without the mode saying so.
    if "transparency" in image.info and image.mode in ("1", "L", "RGB", "P"):
        return image.convert("RGBA")
    if image.mode in ("PA", "La", "RGBa"):
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in _KEPT_MODES else image.convert("RGB")


def _scaled(image: Image.Image, notes: list[str]) -> Image.Image:
    """Bring 16-bit, 32-bit or floating-point gray to 8 bits; Pillow's own `convert` clips."""
    # 16 bits fit float32 exactly, and half the memory counts at 120 megapixels.
    number = np.float32 if image.mode.startswith("I;16") else np.float64
    values = np.nan_to_num(np.asarray(image, dtype=number), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if image.mode != "F" and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
        notes.append("16-bit pixels were scaled to 8 bits")
    else:
        notes.append(f"{image.mode} pixels from {low:.6g} to {high:.6g} were scaled to 8 bits")
    eight_bits = (values - low) * (255 / ((high - low) or 1))
    return Image.fromarray(np.rint(eight_bits).astype(np.uint8))


def _shrink(image: Image.Image, max_side: int) -> Image.Image:
    size = shrunk_size(image.size, max_side)
    if size == image.size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3)


def shrunk_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Fit a width and height into `max_side`, at least 1 each."""
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _to_srgb(image: Image.Image, profile: Any, notes: list[str]) -> Image.Image:
    if not profile:
        return image.convert("RGB")
    try:
        source = ImageCms.getOpenProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    # LittleCMS and Pillow refuse profiles in several ways; the pixels are there all the same.
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        notes.append(f"the color profile was ignored: {type(error).__name__}")
        return image.convert("RGB")
    if converted is None:
        raise TypeError("profileToProfile gave nothing, though not asked to work in place")
    return converted


def _on_white(colors: Image.Image, alpha: Image.Image, notes: list[str]) -> Image.Image:
    if alpha.getextrema() == (255, 255):
        return colors
    notes.append("transparent pixels were placed on white")
    white = Image.new("RGB", colors.size, "white")
    white.paste(colors, mask=alpha)
    return white
