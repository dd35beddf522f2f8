"""Pictures of a collection, decoded and embedded in any process: what workers do.

Kept apart from `geofix.tools.ingestion`, so that a worker need not import the database.

Kept apart from `geofix.tools.ingestion`, whose import takes a worker 0.7 s for nothing.

A pure function of its batch and the encoder; it knows no database.
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import parent_process
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geofix.tools.encoders import Encoder, load_encoder
from geofix.tools.errors import PhotoError, RegionError
from geofix.tools.geo.distance import check_coordinates
from geofix.tools.photo.read import Photo, read_photo
from geofix.tools.sources.picture_files import Picture


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
class DecodedPhoto:
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


Outcome = DecodedPhoto | Undecodable


def decode(task: Task) -> Outcome:
    """Read, hash and decode one picture; what is wrong with it is given back, not raised."""
    try:
        data = task.picture.read()
        sha256 = hashlib.sha256(data).hexdigest()
        is_stored = sha256 == task.stored_sha256
        if is_stored and not task.wants_exif:
            return DecodedPhoto(sha256, None)
        photo = read_photo(data)
        place = _place(photo) if task.wants_place else None
    except (PhotoError, RegionError) as error:
        return Undecodable(str(error))
    return DecodedPhoto(sha256, None if is_stored else photo.pixels, place, _taken_at(photo))


def _place(photo: Photo) -> tuple[float, float]:
    claim = photo.claim
    if claim is None or claim.latitude is None or claim.longitude is None:
        why = "; ".join(photo.notes) or "its EXIF has no GPS position"
        raise PhotoError(f"it has no place: {why}")
    check_coordinates(claim.latitude, claim.longitude)
    return claim.latitude, claim.longitude


def _taken_at(photo: Photo) -> datetime | None:
    if photo.claim is None or photo.claim.taken_at is None:
        return None
    instant = datetime.fromisoformat(photo.claim.taken_at)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


SAFE_PATH = "PYTHONSAFEPATH"
"""Variable by which Python (3.11 or newer) leaves the working folder out of `sys.path`."""


@contextmanager
def from_safe_paths() -> Iterator[None]:
    """Let processes that are started inside import nothing from the working folder.

    Python starts a worker by `-c`, and so looks there first: a `multiprocessing.py` among the
    photos of a stranger would be run. What the parent imports from is handed on all the same.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


def begin() -> None:
    """Leave interrupts to the load, and watch over it; run first in every worker."""
    # An interrupt from the keyboard reaches the whole group; the load ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A killed load closes nothing: its workers would wait for pictures for ever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Loadable(Protocol):
    """What an encoder is made from where it runs; small and picklable."""

    def load(self) -> Encoder:
        """Load the encoder."""
        ...


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The arguments of `load_encoder`."""

    name: str
    device: str | None = None
    dtype: str | None = None
    batch_size: int | None = None
    revision: str | None = None

    def load(self) -> Encoder:
        """Load the encoder; see `load_encoder`."""
        return load_encoder(
            self.name,
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            revision=self.revision,
        )


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a batch of pictures is."""

    outcomes: list[Outcome]
    """One a picture, without pixels."""
    vectors: NDArray[np.float32]
    """Of shape [n, dimension] and unit length: a row for each picture, in order, that was decoded
    and whose vector is not stored yet."""


def embed_pictures(tasks: Sequence[Task], encoder: Encoder) -> Embedded:
    """Read, decode and embed pictures.

    Raises:
        EncoderError: The encoder failed.
    """
    outcomes = [decode(task) for task in tasks]
    pixels = [o.pixels for o in outcomes if isinstance(o, DecodedPhoto) and o.pixels is not None]
    bare = [replace(o, pixels=None) if isinstance(o, DecodedPhoto) else o for o in outcomes]
    return Embedded(bare, encoder.embed(pixels))
