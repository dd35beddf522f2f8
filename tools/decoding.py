"""One picture of a collection, read in any process: what a worker of a load does.

Kept apart from `geofix.tools.ingestion`, so that a worker need not import the database.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import Image

from geofix.tools.errors import PhotoError, RegionError
from geofix.tools.geo import check_coordinates
from geofix.tools.images import Photo, read_photo
from geofix.tools.sources.pictures import Picture


@dataclass(frozen=True, slots=True)
class Task:
    """What is wanted of one picture."""

    picture: Picture
    stored_sha256: str | None = None
    """Of the picture whose vector is stored under this id; pixels are then wanted of another."""
    wants_place: bool = False
    """Whether EXIF has to say where it was taken."""
    wants_exif: bool = True
    """Whether EXIF is wanted of the picture that is stored; nobody opens it otherwise."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a picture is."""

    sha256: str
    """Hex digest of the file."""
    pixels: Image.Image | None
    """As `read_photo` gives them; None where the vector that is stored is of this picture."""
    place: tuple[float, float] | None = None
    """Latitude and longitude in degrees by EXIF; None where nobody asked."""
    taken_at: datetime | None = None
    """By EXIF."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Why a picture cannot be used."""

    reason: str


Outcome = Decoded | Undecodable


def decode(task: Task) -> Outcome:
    """Read, hash and decode one picture; what is wrong with it is given back, not raised."""
    try:
        data = task.picture.read()
        sha256 = hashlib.sha256(data).hexdigest()
        is_stored = sha256 == task.stored_sha256
        if is_stored and not task.wants_exif:
            return Decoded(sha256, None)
        photo = read_photo(data)
        place = _place(photo) if task.wants_place else None
    except (PhotoError, RegionError) as error:
        return Undecodable(str(error))
    return Decoded(sha256, None if is_stored else photo.pixels, place, _taken_at(photo))


def _place(photo: Photo) -> tuple[float, float]:
    claim = photo.claim
    if claim is None or claim.latitude is None or claim.longitude is None:
        why = "; ".join(photo.notes) or "its EXIF has no GPS position"
        raise PhotoError(f"it says no place: {why}")
    check_coordinates(claim.latitude, claim.longitude)
    return claim.latitude, claim.longitude


def _taken_at(photo: Photo) -> datetime | None:
    if photo.claim is None or photo.claim.taken_at is None:
        return None
    instant = datetime.fromisoformat(photo.claim.taken_at)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
