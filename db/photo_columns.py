"""Photos on their way into the gallery, row by row or column by column, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.db.errors import GalleryError

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, and surrogates as in a file name that is no UTF-8: Postgres cannot hold them in text."""

CODE = re.compile("[A-Z]{2}")
"""Of a country. In small letters it would be found by no search of the country."""


@dataclass(frozen=True, slots=True)
class GeotaggedPhoto:
    """What the gallery keeps of one photo, its vector apart."""

    source: str
    external_id: str
    latitude: float
    longitude: float
    accuracy_km: float = 0.0
    country: str | None = None
    author: str | None = None
    licence: str | None = None
    attribution: str | None = None
    captured_at: datetime | None = None
    sha256: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class PhotoColumns:
    """The same of many photos, `n` entries a field: rows of millions are too slow one by one."""

    source: list[str]
    external_id: list[str]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    accuracy_km: NDArray[np.float32]
    country: list[str | None]
    author: list[str | None]
    licence: list[str | None]
    attribution: list[str | None]
    captured_at: list[datetime | None]
    sha256: list[str | None]
    location: list[str | None]

    def __len__(self) -> int:
        """Say how many photos there are."""
        return len(self.external_id)

    def identities(self) -> list[tuple[str, str]]:
        """Source and id of each photo, which tell it from all others of a gallery."""
        return list(zip(self.source, self.external_id, strict=True))


FIELDS = tuple(field.name for field in fields(GeotaggedPhoto))
NUMBERS = {"latitude": np.float64, "longitude": np.float64, "accuracy_km": np.float32}
TEXTS = tuple(name for name in FIELDS if name not in {*NUMBERS, "captured_at"})


def as_columns(photos: Sequence[GeotaggedPhoto] | PhotoColumns) -> PhotoColumns:
    """Return photos by column."""
    if isinstance(photos, PhotoColumns):
        return photos
    columns: dict[str, Any] = {name: [getattr(photo, name) for photo in photos] for name in FIELDS}
    numbers = {name: np.array(columns[name], dtype=kind) for name, kind in NUMBERS.items()}
    return PhotoColumns(**{**columns, **numbers})


def check_columns(photos: PhotoColumns) -> None:
    """Refuse what cannot be stored.

    Raises:
        GalleryError: A photo is off the Earth or named twice, a column has another length than the
            rest, or a text cannot be held by Postgres.
    """
    for name in FIELDS:
        if len(getattr(photos, name)) != len(photos):
            raise GalleryError(
                f"{len(getattr(photos, name))!r} values of {name!r} came with {len(photos)!r} ids"
            )
    for name in TEXTS:
        _check_texts(name, photos)
    _check_numbers(photos)
    _check_instants(photos)
    _check_countries(photos)
    # Ids that differ also differ with their sources, and are compared in half the time.
    if len(set(photos.external_id)) < len(photos):
        _check_identities(photos)


def check_text(what: str, value: str | None) -> None:
    """Refuse a text that Postgres cannot hold.

    Raises:
        GalleryError: It has a NUL, or a surrogate as in a file name that is no UTF-8.
    """
    if value is not None and (found := UNSTORABLE.search(value)):
        raise GalleryError(
            f"{what} has the character {found.group()!r}, which Postgres cannot hold: {value!r};"
            " remove it"
        )


def _check_texts(name: str, photos: PhotoColumns) -> None:
    texts: list[str | None] = getattr(photos, name)
    # One search over all there are, since hardly any has such a sign and many are alike.
    if UNSTORABLE.search("".join(filter(None, set(texts)))):
        for at, text in enumerate(texts):
            check_text(f"{name} of {_named(photos, at)}", text)


def _check_numbers(photos: PhotoColumns) -> None:
    limits = {"latitude": 90.0, "longitude": 180.0}
    for name, limit in limits.items():
        values = getattr(photos, name)
        # Written so that NaN is refused too.
        for at in np.flatnonzero(~(np.abs(values) <= limit))[:1]:
            raise GalleryError(
                f"{_named(photos, at)}: {name} {float(values[at])!r} is not between {-limit:g} and"
                f" {limit:g}"
            )
    for at in np.flatnonzero(~((photos.accuracy_km >= 0) & np.isfinite(photos.accuracy_km)))[:1]:
        value = float(photos.accuracy_km[at])
        raise GalleryError(f"{_named(photos, at)}: accuracy_km {value!r} is no distance; give 0 up")


def _check_countries(photos: PhotoColumns) -> None:
    for country in set(photos.country):
        if country is not None and not CODE.fullmatch(country):
            at = photos.country.index(country)
            raise GalleryError(
                f"{_named(photos, at)}: country {country!r} is no ISO 3166-1 alpha-2 code"
            )


def _check_instants(photos: PhotoColumns) -> None:
    if not any(photos.captured_at):
        return
    for at, instant in enumerate(photos.captured_at):
        if instant is not None and instant.utcoffset() is None:
            raise GalleryError(
                f"{_named(photos, at)}: captured_at {instant.isoformat()!r} has no time zone;"
                " give one"
            )


def _check_identities(photos: PhotoColumns) -> None:
    keys = photos.identities()
    if len(set(keys)) < len(keys):
        first = dict(zip(reversed(keys), reversed(range(len(keys))), strict=True))
        at = next(at for at, key in enumerate(keys) if first[key] < at)
        raise GalleryError(
            f"{_named(photos, at)} is there twice in one call; give each an id of its own"
        )


def _named(photos: PhotoColumns, at: int | np.intp) -> str:
    return f"photo {photos.external_id[at]!r} of {photos.source[at]!r}"
