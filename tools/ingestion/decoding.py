"""The work of a worker process: decodes and embeds pictures.

It knows no database, and is separate from the rest of `geofix.tools.ingestion`, whose import would
cost a worker 0.7 s.
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
    """One picture to decode, and what to read from it."""

    picture: Picture
    stored_sha256: str | None = None
    """Hash of the picture whose vector is stored under this id; it needs no pixels."""
    wants_place: bool = False
    """Whether to read the place from EXIF."""
    wants_exif: bool = True
    """Whether to read EXIF even if the picture is stored; otherwise it is not decoded."""


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A decoded picture."""

    sha256: str
    """Hex digest of the file."""
    pixels: Image.Image | None
    """Pixels from `read_photo`; None if the stored vector is of this picture."""
    place: tuple[float, float] | None = None
    """Latitude and longitude in degrees from EXIF; None if not wanted."""
    taken_at: datetime | None = None
    """Time from EXIF."""


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Why a picture cannot be used."""

    reason: str


Outcome = DecodedPhoto | Undecodable


def decode(task: Task) -> Outcome:
    """Read, hash and decode one picture; an error is returned, not raised."""
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
"""Environment variable that keeps the working folder out of Python's `sys.path`."""


@contextmanager
def from_safe_paths() -> Iterator[None]:
    """Keep processes that are started inside from importing modules of the working folder.

    Python starts a worker with `-c` and would import from there first, so it would run a
    `multiprocessing.py` among a stranger's photos. The parent's import paths are passed on anyway.
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
    """Ignore interrupts and end with the parent process; every worker calls this first."""
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
    """A small picklable description that a worker loads an encoder from."""

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
    offline: bool = False

    def load(self) -> Encoder:
        """Load the encoder; see `load_encoder`."""
        return load_encoder(
            self.name,
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            revision=self.revision,
            offline=self.offline,
        )


@dataclass(frozen=True, slots=True)
class Embedded:
    """A decoded and embedded batch of pictures."""

    outcomes: list[Outcome]
    """One outcome for each picture, without pixels."""
    vectors: NDArray[np.float32]
    """Vectors of unit length, of shape [n, dimension]: one for each picture, in order, that was
    decoded and whose vector is not stored yet."""


def embed_pictures(tasks: Sequence[Task], encoder: Encoder) -> Embedded:
    """Read, decode and embed pictures.

    Raises:
        EncoderError: The encoder failed.
    """
    outcomes = [decode(task) for task in tasks]
    pixels = [o.pixels for o in outcomes if isinstance(o, DecodedPhoto) and o.pixels is not None]
    bare = [replace(o, pixels=None) if isinstance(o, DecodedPhoto) else o for o in outcomes]
    return Embedded(bare, encoder.embed(pixels))
