"""Reads place and time from a photo's EXIF: a claim that is easily forged, never the answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from geofix.tools.errors import quiet

_GPS, _BASE = ExifTags.GPS, ExifTags.Base
_MAX_CAMERA = 80
_HEMISPHERES = {"N": 1, "NORTH": 1, "S": -1, "SOUTH": -1, "E": 1, "EAST": 1, "W": -1, "WEST": -1}


class _UnreadableError(Exception):
    """A value cannot be what its tag says; the text says why, for a note."""


@dataclass(frozen=True, slots=True)
class ExifClaim:
    """What EXIF states; None where it states nothing readable. At least one field is set."""

    latitude: float | None = None
    """Degrees WGS84, north positive; set together with `longitude` or not at all."""

    longitude: float | None = None
    """Degrees WGS84, east positive."""

    altitude_m: float | None = None
    """Meters above sea level, negative below it."""

    taken_at: str | None = None
    """ISO 8601 in the camera's local time; with an offset only where EXIF has one."""

    camera: str | None = None
    """Make and model, printable characters only."""


def read_claim(image: Image.Image) -> tuple[ExifClaim | None, list[str]]:
    """Read place, time and camera from an image's EXIF.

    Args:
        image: as opened; its pixels are not touched.

    Returns:
        The claim, None where EXIF holds nothing of use; and notes on what was there but
        unreadable. Bad EXIF never raises.
    """
    try:
        with quiet():
            exif = image.getexif()
            base = dict(exif)
            details = dict(exif.get_ifd(ExifTags.IFD.Exif))
            gps = dict(exif.get_ifd(ExifTags.IFD.GPSInfo))
    # Pillow's EXIF parser raises whatever its structs and dicts do on bytes that lie.
    except Exception as error:
        return None, [f"EXIF is unreadable: {type(error).__name__}"]
    notes: list[str] = []
    latitude, longitude = _position(gps, notes)
    claim = ExifClaim(
        latitude=latitude,
        longitude=longitude,
        altitude_m=_altitude_m(gps, notes),
        taken_at=_taken_at(details, notes),
        camera=_camera(base),
    )
    return (None if claim == ExifClaim() else claim), notes


def _position(gps: Mapping[int, Any], notes: list[str]) -> tuple[float | None, float | None]:
    if _GPS.GPSLatitude not in gps and _GPS.GPSLongitude not in gps:
        return None, None
    try:
        latitude = _signed_degrees(gps, "latitude", "NS", 90)
        longitude = _signed_degrees(gps, "longitude", "EW", 180)
    except _UnreadableError as reason:
        notes.append(f"EXIF GPS is unreadable: {reason}")
        return None, None
    if latitude == 0 and longitude == 0:
        notes.append("EXIF GPS is exactly 0, 0, which usually means that it was not set")
        return None, None
    return latitude, longitude


def _signed_degrees(gps: Mapping[int, Any], what: str, letters: str, limit: int) -> float:
    tag = _GPS.GPSLatitude if what == "latitude" else _GPS.GPSLongitude
    if tag not in gps:
        raise _UnreadableError(f"{what} is missing")
    degrees = _degrees(gps[tag], what)
    if degrees > limit:
        raise _UnreadableError(f"{what} is {degrees:.6g} degrees, above {limit}")
    # In EXIF the tag of the hemisphere is one below that of the number.
    hemisphere = _text(gps.get(tag - 1)).upper()
    if hemisphere not in _HEMISPHERES or hemisphere[0] not in letters:
        raise _UnreadableError(
            f"{what} has the hemisphere {hemisphere[:10]!r} instead of {' or '.join(letters)}"
        )
    return degrees * _HEMISPHERES[hemisphere]


def _degrees(value: Any, what: str) -> float:
    parts = value if isinstance(value, tuple | list) else (value,)
    if not 1 <= len(parts) <= 3:
        raise _UnreadableError(f"{what} has {len(parts)} parts")
    numbers = [_number(part, what) for part in parts]
    if min(numbers) < 0:
        raise _UnreadableError(f"{what} is negative, and its sign should come from the hemisphere")
    # Exactly 60 seconds is what cameras write that round 59.996 to two digits.
    if any(n >= 60 for n in numbers[1:2]) or any(n > 60 for n in numbers[2:]):
        raise _UnreadableError(f"{what} has 60 or more minutes or seconds")
    return math.fsum(number / 60**power for power, number in enumerate(numbers))


def _number(value: Any, what: str) -> float:
    """Take a rational or number; zero denominators count as NaN."""
    if isinstance(value, str | bytes):
        raise _UnreadableError(f"{what} is text, not a number")
    try:
        number = float(value)
    except ZeroDivisionError:
        number = math.nan
    except (TypeError, ValueError, OverflowError):
        raise _UnreadableError(f"{what} is not a number") from None
    if not math.isfinite(number):
        raise _UnreadableError(f"{what} is {'NaN' if math.isnan(number) else 'infinite'}")
    return number


def _altitude_m(gps: Mapping[int, Any], notes: list[str]) -> float | None:
    if _GPS.GPSAltitude not in gps:
        return None
    try:
        meters = _number(gps[_GPS.GPSAltitude], "altitude")
    except _UnreadableError as reason:
        notes.append(f"EXIF altitude is unreadable: {reason}")
        return None
    below_sea = gps.get(_GPS.GPSAltitudeRef) in (1, b"\x01", "1")
    return -meters if below_sea else meters


def _taken_at(details: Mapping[int, Any], notes: list[str]) -> str | None:
    for moment, offset in (
        (_BASE.DateTimeOriginal, _BASE.OffsetTimeOriginal),
        (_BASE.DateTimeDigitized, _BASE.OffsetTimeDigitized),
    ):
        written = _text(details.get(moment))
        # Cameras whose clock was never set write zeros, blanks and colons.
        if not written.strip("0 :"):
            continue
        try:
            taken = datetime.strptime(written, "%Y:%m:%d %H:%M:%S")
        except ValueError:
            notes.append(f"EXIF time is unreadable: {written[:30]!r}")
            continue
        zone = _text(details.get(offset))
        return taken.isoformat() + (zone if re.fullmatch(r"[+-]\d\d:\d\d|Z", zone) else "")
    return None


def _camera(base: Mapping[int, Any]) -> str | None:
    make, model = _text(base.get(_BASE.Make)), _text(base.get(_BASE.Model))
    repeated = make and model.lower().startswith(make.lower())
    camera = model if repeated else f"{make} {model}".strip()
    return camera[:_MAX_CAMERA] or None


def _text(value: Any) -> str:
    """Take text or bytes up to the first NUL, without what cannot be printed."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value.split("\0")[0] if c.isprintable()).strip()
