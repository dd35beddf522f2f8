"""Rows of the table `photos`: checks them, finds, inserts and updates them with COPY.

numpy packs numbers and the values that all photos of a call share. Every other text is encoded
once, however many photos have it. Empty columns are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from geofix.db.errors import GalleryError
from geofix.db.load.vector_rows import copy_tuples, driver_of

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""Characters that Postgres cannot store: NUL, and surrogates from file names that are not UTF-8."""

CODE = re.compile("[A-Z]{2}")
"""A country code. A search for the country would not find one in lower case."""


@dataclass(frozen=True, slots=True)
class GeotaggedPhoto:
    """What the gallery stores of one photo besides its vector."""

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
    """The same for many photos, as columns of `n` entries, because single rows are too slow."""

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
        """Source and id of each photo, which identify it in a gallery."""
        return list(zip(self.source, self.external_id, strict=True))


PHOTO_FIELDS = tuple(field.name for field in fields(GeotaggedPhoto))
NUMBER_FIELDS = {"latitude": np.float64, "longitude": np.float64, "accuracy_km": np.float32}
TEXT_FIELDS = tuple(name for name in PHOTO_FIELDS if name not in {*NUMBER_FIELDS, "captured_at"})


def as_columns(photos: Sequence[GeotaggedPhoto] | PhotoColumns) -> PhotoColumns:
    """Return photos by column."""
    if isinstance(photos, PhotoColumns):
        return photos
    columns: dict[str, Any] = {
        name: [getattr(photo, name) for photo in photos] for name in PHOTO_FIELDS
    }
    numbers = {name: np.array(columns[name], dtype=kind) for name, kind in NUMBER_FIELDS.items()}
    return PhotoColumns(**{**columns, **numbers})


def check_storable(photos: PhotoColumns) -> None:
    """Refuse photos that cannot be stored.

    Raises:
        GalleryError: A photo is not on the Earth or appears twice, the columns have different
            lengths, or Postgres cannot store a text.
    """
    for name in PHOTO_FIELDS:
        if len(getattr(photos, name)) != len(photos):
            raise GalleryError(
                f"{len(getattr(photos, name))!r} values of {name!r} came with {len(photos)!r} ids"
            )
    for name in TEXT_FIELDS:
        _check_texts(name, photos)
    _check_numbers(photos)
    _check_instants(photos)
    _check_countries(photos)
    # Ids that differ also differ with their sources, and are compared in half the time.
    if len(set(photos.external_id)) < len(photos):
        _check_identities(photos)


def check_text(what: str, value: str | None) -> None:
    """Refuse a text that Postgres cannot store.

    Raises:
        GalleryError: It has a NUL or a surrogate, as in a file name that is not UTF-8.
    """
    if value is not None and (found := UNSTORABLE.search(value)):
        raise GalleryError(
            f"{what} has the character {found.group()!r}, which Postgres cannot store:"
            f" {value!r}; remove it"
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
        raise GalleryError(
            f"{_named(photos, at)}: accuracy_km {value!r} is not a distance; give 0 or more"
        )


def _check_countries(photos: PhotoColumns) -> None:
    for country in set(photos.country):
        if country is not None and not CODE.fullmatch(country):
            at = photos.country.index(country)
            raise GalleryError(
                f"{_named(photos, at)}: country {country!r} is not an ISO 3166-1 alpha-2 code"
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
            f"{_named(photos, at)} appears twice in one call; give each photo its own id"
        )


def _named(photos: PhotoColumns, at: int | np.intp) -> str:
    return f"photo {photos.external_id[at]!r} of {photos.source[at]!r}"


COPY_BLOCK = 2048
"""Photos put together at a time, and sent before the next."""

NULL = (-1).to_bytes(4, "big", signed=True)

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""Postgres stores an instant as microseconds since this date."""

Positions = NDArray[np.intp]


def copy_photos(
    connection: Connection,
    table: str,
    leading: Mapping[str, NDArray[Any]],
    photos: PhotoColumns,
    chosen: Positions,
) -> None:
    """Copy photos into a table.

    Args:
        connection: In whose transaction it happens.
        table: The table's name.
        leading: Further columns by name: a number for each photo chosen, as wide as in the table.
        photos: All of them.
        chosen: Positions of those to copy.
    """
    numbers = {**leading, **{name: getattr(photos, name)[chosen] for name in NUMBER_FIELDS}}
    encoding = driver_of(connection).info.encoding
    shared: dict[str, bytes] = {}
    varying: dict[str, Iterator[bytes]] = {}
    for name in (name for name in PHOTO_FIELDS if name not in NUMBER_FIELDS):
        values = _picked(getattr(photos, name), chosen)
        pieces = {value: _field(value, encoding) for value in set(values)}
        if len(pieces) > 1:
            varying[name] = map(pieces.__getitem__, values)
        elif None not in pieces:
            shared.update((name, piece) for piece in pieces.values())
    rows = _packed(numbers, shared, len(varying), len(chosen))
    names = [*numbers, *shared, *varying]
    copy_tuples(connection, table, names, _joined(rows, list(varying.values())))


def _picked(values: Sequence[Any], chosen: Positions) -> Sequence[Any]:
    if len(chosen) == len(values):
        return values
    return [values[at] for at in chosen]


def _field(value: str | datetime | None, encoding: str) -> bytes:
    """Return a field as it is sent: after its length."""
    if value is None:
        return NULL
    if isinstance(value, datetime):
        data = ((value - EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big", signed=True)
    else:
        data = value.encode(encoding)
    return len(data).to_bytes(4, "big") + data


def _packed(
    numbers: Mapping[str, NDArray[Any]], shared: Mapping[str, bytes], varying: int, photos: int
) -> NDArray[np.void]:
    """Return the beginning of each photo's tuple: its numbers, and what all of them share."""
    constant = b"".join(shared.values())
    record = [("fields", ">i2")]
    for name, values in numbers.items():
        record += [(f"{name}_length", ">i4"), (name, values.dtype.newbyteorder(">").str)]
    rows = np.zeros(photos, [*record, ("shared", f"V{len(constant)}")])
    rows["fields"] = len(numbers) + len(shared) + varying
    for name, values in numbers.items():
        rows[f"{name}_length"], rows[name] = values.dtype.itemsize, values
    rows["shared"] = np.void(constant)
    return rows


def _joined(rows: NDArray[np.void], varying: list[Iterator[bytes]]) -> Iterator[bytes]:
    """Give whole tuples, many at a time."""
    starts = rows.view(f"V{rows.dtype.itemsize}")
    for first in range(0, len(rows), COPY_BLOCK):
        # The rows' own beginnings come first: `zip` takes nothing of the rest after the last.
        tuples = zip(starts[first : first + COPY_BLOCK].tolist(), *varying, strict=False)
        yield b"".join(chain.from_iterable(tuples))


KEY_FIELDS = ("source", "external_id")


def known_ids(
    connection: Connection, gallery_id: int, photos: PhotoColumns
) -> dict[tuple[str, str], int]:
    """Return the ids of those photos that the gallery has, by source and external id."""
    known: dict[tuple[str, str], int] = {}
    for source in sorted(set(photos.source)):
        names = [name for kept, name in photos.identities() if kept == source]
        rows = connection.execute(
            text(
                "select external_id, id from photos where gallery_id = :gallery_id"
                " and source = :source and external_id = any(:names)"
            ),
            {"gallery_id": gallery_id, "source": source, "names": names},
        )
        known.update({(source, row[0]): int(row[1]) for row in rows})
    return known


def new_ids(connection: Connection, count: int) -> NDArray[np.int64]:
    """Reserve a block of new photo ids, higher than all before.

    No other writer runs meanwhile (`geofix.db.load.index_build.write_alone`), so the rows can be
    copied straight into the tables.
    """
    if not count:
        return np.empty(0, dtype=np.int64)
    sequence = "pg_get_serial_sequence('photos', 'id')"
    first = int(connection.execute(text(f"select nextval({sequence})")).scalar_one())
    last = first + count - 1
    connection.execute(text(f"select setval({sequence}, :last)"), {"last": last})
    return np.arange(first, last + 1, dtype=np.int64)


def insert_photos(
    connection: Connection,
    gallery_id: int,
    photos: PhotoColumns,
    chosen: Positions,
    ids: NDArray[np.int64],
) -> None:
    """Insert the photos chosen under their new ids."""
    if len(chosen):
        galleries = np.full(len(chosen), gallery_id, np.int32)
        leading: dict[str, NDArray[Any]] = {"id": ids, "gallery_id": galleries}
        copy_photos(connection, "photos", leading, photos, chosen)


def update_photos(
    connection: Connection,
    photos: PhotoColumns,
    chosen: Positions,
    ids: NDArray[np.int64],
    cells: NDArray[np.int32],
) -> None:
    """Update photos, and the columns that the rows of their vectors repeat."""
    columns = ", ".join(PHOTO_FIELDS)
    connection.execute(
        text(
            f"create temp table changed on commit drop as select id, 0 as cell, {columns}"
            " from photos limit 0"
        )
    )
    copy_photos(connection, "changed", {"id": ids, "cell": cells}, photos, chosen)
    updates = ", ".join(
        f"{name} = changed.{name}" for name in PHOTO_FIELDS if name not in KEY_FIELDS
    )
    for table, changes, key in (
        ("photos", updates, "id"),
        (
            "embeddings",
            "latitude = changed.latitude, longitude = changed.longitude, cell = changed.cell,"
            " country = coalesce(changed.country, 'ZZ')",
            "photo_id",
        ),
    ):
        connection.execute(
            text(f"update {table} set {changes} from changed where {table}.{key} = changed.id")
        )
    connection.execute(text("drop table changed"))
