"""The interfaces of readers of photo collections and of vectors."""

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
    """One photo of a collection, whose file is not opened yet."""

    external_id: str
    """Id in the collection, the same each time it is read."""
    picture: Picture
    latitude: float | None = None
    """None if it has to come from the photo's EXIF."""
    longitude: float | None = None
    accuracy_km: float = 0.0
    author: str | None = None
    licence: str | None = None
    attribution: str | None = None
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """One photo that cannot be used, and the reason."""

    item: str
    """The photo's path, or its line in a table."""
    reason: str


class Source(Protocol):
    """A collection of photos."""

    name: str
    """Name of the collection; with `external_id` it identifies a photo."""

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        """Yield the photos, each time in the same order."""
        ...

    def total(self) -> int | None:
        """Return the number of photos including rejected ones; none if unknown before the end."""
        ...


def name_of(path: Path) -> str:
    """Return the default name of a collection: its file name and a hash of its path.

    Answers quote the name, so it does not include the folders above, which may name a person.
    """
    mark = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    name = visible(path.name.encode("utf-8", "replace").decode("utf-8"))
    return f"{name[: LONGEST_NAME - 10].strip() or 'photos'}-{mark}"


def check_name(name: str) -> str:
    """Return the name of a gallery, a collection or an encoder if it is allowed.

    Raises:
        SourceError: The name is blank, too long, or has invisible characters.
    """
    return require_name(name, "the name", SourceError)


@dataclass(frozen=True, slots=True)
class VectorBatch:
    """Places and their vectors without pictures; all lists and arrays have length n."""

    external_ids: list[str]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    accuracies_km: NDArray[np.float64]
    authors: list[str | None]
    licences: list[str | None]
    attributions: list[str | None]
    captured_at: list[datetime | None]
    vectors: NDArray[np.float32] | NDArray[np.float16]
    """Vectors of unit length, of shape [n, dimension]."""
    rejected: list[Rejected]
    """Rejected rows of this batch, which are not among the n."""


@runtime_checkable
class VectorSource(Protocol):
    """A collection of vectors."""

    name: str
    """Name of the collection; with the external id it identifies a row."""
    dimension: int

    def total(self) -> int:
        """Return the number of rows including rejected ones."""
        ...

    def batches(self, size: int) -> Iterator[VectorBatch]:
        """Yield the rows in batches, in the order of the table.

        Args:
            size: Maximum number of rows of the source in a batch.
        """
        ...
