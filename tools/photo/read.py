"""Reads a photo file: checks it, turns it upright, strips its metadata and hashes it."""

from __future__ import annotations

import hashlib
import stat
from contextlib import nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageFile, UnidentifiedImageError

from geofix.tools.errors import PhotoError, quiet
from geofix.tools.photo.exif import ExifClaim, read_claim
from geofix.tools.photo.pixels import is_sideways, orientation, shrunk_size, to_upright_srgb

MAX_SIDE = 2048
"""Longest side of a photo's pixels; more than any encoder or chat model looks at."""

MIN_SIDE = 32
"""Shortest side that still shows a place."""

MAX_PIXELS = 120_000_000
"""Most pixels that are decoded; a 108-megapixel telephone's photo fits. 480 MB at most."""

MAX_BYTES = 200_000_000
"""Most bytes that are read from a file."""

# Not among them: EPS, which would run Ghostscript on a stranger's program.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM")
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
_READS = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP, JPEG 2000 or PPM"


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo as evidence: its identity, its pixels, and what was noticed on the way."""

    sha256: str
    """Hex digest of the original bytes."""

    pixels: Image.Image
    """RGB, upright, at most `MAX_SIDE` on its longer side, with an empty `info`."""

    width: int
    """Side of the original when upright, in pixels."""

    height: int
    """Side of the original when upright, in pixels."""

    format: str
    """Format of the original file: "JPEG", "HEIF", ..."""

    claim: ExifClaim | None
    """What EXIF says of place and time; can be forged, and never takes part in the answer."""

    notes: tuple[str, ...]
    """What was lost, assumed or unreadable, a sentence each."""


def read_photo(source: Path | str | bytes) -> Photo:
    """Read a photo from a path or from its bytes.

    Raises:
        PhotoError: there is no such regular file, it cannot be read, or it is not a whole photo
            between `MIN_SIDE` and `MAX_PIXELS`.
    """
    if isinstance(source, bytes):
        label, data = f"the photo of {len(source)} bytes", source
    else:
        label, data = f"photo {str(source)!r}", _read_file(source)
    if not data:
        raise PhotoError(f"{label} is empty; copy it again from its source")
    if len(data) > MAX_BYTES:
        raise PhotoError(f"{label} has more than {MAX_BYTES:,} bytes; save it as a smaller JPEG")
    image = _open(data, label)
    width, height = _checked_size(image, label)
    notes = _decode(image, label)
    if is_sideways(orientation(image)):
        width, height = height, width
    claim, claim_notes = read_claim(image)
    pixels, pixel_notes = _convert(image, label)
    return Photo(
        sha256=hashlib.sha256(data).hexdigest(),
        pixels=pixels,
        width=width,
        height=height,
        # Telephones write JPEGs with a second picture inside; the first is the photo.
        format="JPEG" if image.format == "MPO" else str(image.format),
        claim=claim,
        notes=(*notes, *pixel_notes, *claim_notes),
    )


def to_jpeg(pixels: Image.Image, *, quality: int = 92) -> bytes:
    """Encode pixels without any metadata: no EXIF, no color profile, no comment."""
    # Pillow takes profile, comment and EXIF from `info` unless told otherwise, and a copy of the
    # bare pixels has none.
    bare = Image.frombytes("RGB", pixels.size, pixels.convert("RGB").tobytes())
    buffer = BytesIO()
    bare.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def from_jpeg(data: bytes) -> Image.Image:
    """Decode what `to_jpeg` gave.

    Raises:
        PhotoError: it is not a whole photo.
    """
    label = f"the JPEG of {len(data)} bytes"
    image = _open(data, label)
    _decode(image, label)
    return _convert(image, label)[0]


def _read_file(source: Path | str) -> bytes:
    path, label = Path(source), f"photo {str(source)!r}"
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise PhotoError(f"{label} is a folder; give a photo file")
        # A pipe would block, a device might never end.
        if not stat.S_ISREG(mode):
            raise PhotoError(f"{label} is a pipe or device; save it to a file first")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise PhotoError(f"{label} does not exist; check the path") from None
    except PermissionError:
        raise PhotoError(
            f"you have no permission to read {label}; change its permissions"
        ) from None
    # ValueError is for a NUL inside the path.
    except (OSError, ValueError) as error:
        raise PhotoError(f"{label} cannot be read ({error}); check the path") from error


def _open(data: bytes, label: str) -> ImageFile.ImageFile:
    formats: tuple[str, ...] = _FORMATS
    if data[4:8] == b"ftyp":
        _register_heif(label)
        formats = ("HEIF", *_FORMATS)
    try:
        with quiet():
            return Image.open(BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        raise PhotoError(
            f"{label} has too many pixels, or claims to; save it with at most {MAX_PIXELS:,} pixels"
        ) from error
    except UnidentifiedImageError:
        raise PhotoError(f"{label} is not a readable image; give {_READS}") from None
    # Pillow's header parsers raise whatever their structs and dicts do on bytes that lie.
    except Exception as error:
        raise PhotoError(f"{label} has a damaged header ({error}); copy it again") from error


def _register_heif(label: str) -> None:
    try:
        # Native code of 10 MB that most photos do not need.
        from pillow_heif import register_heif_opener  # noqa: PLC0415
    except ImportError as error:
        raise PhotoError(
            f"{label} is HEIC or AVIF, and pillow-heif cannot be loaded ({error}); reinstall"
            " pillow-heif, or save the photo as JPEG"
        ) from error
    register_heif_opener()


def _checked_size(image: Image.Image, label: str) -> tuple[int, int]:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoError(
            f"{label} has {width} x {height} pixels, more than {MAX_PIXELS:,}; save it smaller"
        )
    if min(shrunk_size(image.size, MAX_SIDE)) < MIN_SIDE:
        raise PhotoError(
            f"{label} has {width} x {height} pixels, too small or too narrow to show a place;"
            f" after shrinking to a longer side of {MAX_SIDE} pixels, the shorter side must have"
            f" at least {MIN_SIDE}"
        )
    return width, height


def _decode(image: ImageFile.ImageFile, label: str) -> list[str]:
    """Decode the first frame, all of it."""
    # Only these read metadata, and so may warn, while they decode; JPEGs stay parallel.
    warns = image.format in ("TIFF", "PNG")
    try:
        if image.format in ("JPEG", "MPO"):
            # Decodes a large JPEG at a half, a quarter or an eighth, never below `MAX_SIDE`.
            image.draft(None, shrunk_size(image.size, MAX_SIDE))
        with quiet() if warns else nullcontext():
            image.load()
        with quiet():
            frames = int(getattr(image, "n_frames", 1))
    # Pillow's decoders raise whatever their structs, tables and libraries do on damaged data.
    except Exception as error:
        raise PhotoError(f"{label} is damaged or truncated ({error}); copy it again") from error
    notes = []
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        notes.append(
            "Pillow's LOAD_TRUNCATED_IMAGES is on in this process, so missing parts of a"
            " file are filled with gray"
        )
    # The second picture of an MPO is no frame, but a preview or a map of brightness.
    if frames > 1 and image.format != "MPO":
        kind = "animated" if image.format in _ANIMATED else f"{image.format} with several images"
        first = "primary" if image.format == "HEIF" else "first"
        notes.append(f"{kind}: only the {first} of {frames} frames was used")
    return notes


def _convert(image: Image.Image, label: str) -> tuple[Image.Image, list[str]]:
    try:
        return to_upright_srgb(image, max_side=MAX_SIDE)
    # Modes that Pillow opens and cannot convert.
    except (ValueError, OSError, TypeError) as error:
        raise PhotoError(f"{label} cannot be turned into RGB ({error}); save it as JPEG") from error
