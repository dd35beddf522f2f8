"""Photo files made for a test, and files that may not be read."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

GPS = ExifTags.GPS
NOBODY = 65534
SEOUL = (37.5, 127.0)


def gps_of(latitude: float, longitude: float) -> dict[int, Any]:
    """Return the EXIF GPS tags of a place."""
    return {
        GPS.GPSLatitudeRef: "N" if latitude >= 0 else "S",
        GPS.GPSLatitude: (abs(latitude), 0.0, 0.0),
        GPS.GPSLongitudeRef: "E" if longitude >= 0 else "W",
        GPS.GPSLongitude: (abs(longitude), 0.0, 0.0),
    }


def exif_of(gps: dict[int, Any]) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.IFD.GPSInfo] = gps
    return exif


def save_photo(
    path: Path,
    place: tuple[float, float] | None = None,
    *,
    color: tuple[int, int, int] = (200, 60, 60),
    gps: dict[int, Any] | None = None,
) -> Path:
    """Write a small JPEG, at a place if one is given, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tags = gps if gps is not None else gps_of(*place) if place is not None else None
    options = {} if tags is None else {"exif": exif_of(tags)}
    Image.new("RGB", (64, 48), color).save(path, "JPEG", **options)
    return path


def scikit_learn_photo(name: str) -> Path:
    """Return the path of `flower.jpg` or `china.jpg`.

    Found, not imported: scikit-learn takes two seconds to import.
    """
    spec = find_spec("sklearn")
    assert spec is not None and spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "datasets" / "images" / name


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder that every account may look into; pytest's own is closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="geofix-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Work under an account that file permissions bind; root reads everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
