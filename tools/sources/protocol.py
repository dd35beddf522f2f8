"""What a reader of a photo collection, or of vectors, gives."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from geofix.db.plain_text import LONGEST_NAME, require_name, visible
from geofix.tools.errors import SourceError
from geofix.tools.sources.picture_files import Picture


@dataclass(frozen=True, slots=True)
class SourcePhoto:
    """One photo of a collection, not opened yet."""

    external_id: str
    """Its id in the collection, stable from one reading to the next."""
    picture: Picture
    latitude: float | None = None
    """None where the photo's own EXIF has to say it."""
    longitude: float | None = None
    accuracy_km: float = 0.0
    author: str | None = None
    licence: str | None = None
    attribution: str | None = None
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """One photo that was left out, and why."""

    item: str
    """The photo's path, or its line in a table."""
    reason: str


class Source(Protocol):
    """A collection of photos."""

    name: str
    """What its photos are kept under; with `external_id` it tells them from all others."""

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        """Give the photos in an order that stays the same."""
        ...

    def total(self) -> int | None:
        """Say how many there are, those to be left out counted in.

        None where only reading all of it would tell.
        """
        ...


def name_of(path: Path) -> str:
    """Return what a collection is kept under if nobody says: its name, and a mark of where it is.

    Answers quote it, and folders above it may say whose photos they are.
    """
    mark = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    name = visible(path.name.encode("utf-8", "replace").decode("utf-8"))
    return f"{name[: LONGEST_NAME - 10].strip() or 'photos'}-{mark}"


def check_name(name: str) -> str:
    """Return the name of a gallery, a collection or an encoder if it can be kept.

    Raises:
        SourceError: It is blank, too long, or holds characters that cannot be seen.
    """
    return require_name(name, "the name", SourceError)


@dataclass(frozen=True, slots=True)
class VectorBatch:
    """Places with their vectors and without a picture; all lists and arrays are n long."""

    external_ids: list[str]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    accuracies_km: NDArray[np.float64]
    authors: list[str | None]
    licences: list[str | None]
    attributions: list[str | None]
    captured_at: list[datetime | None]
    vectors: NDArray[np.float32] | NDArray[np.float16]
    """Of shape [n, dimension] and of unit length."""
    rejected: list[Rejected]
    """Rows of this batch that were left out; they are not among the n."""


@runtime_checkable
class VectorSource(Protocol):
    """A collection of vectors."""

    name: str
    """What its rows are kept under; with the external id it tells them from all others."""
    dimension: int

    def total(self) -> int:
        """Say how many rows there are, those to be left out counted in."""
        ...

    def batches(self, size: int) -> Iterator[VectorBatch]:
        """Give the rows in the order of the table.

        Args:
            size: Rows of the source a batch stands for, at most.
        """
        ...
