"""Rows in by binary COPY: the fastest way into Postgres, by a factor of 40 over inserts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection as Driver
from sqlalchemy import Connection

from geofix.db.errors import GalleryError
from geofix.db.photo_columns import FIELDS, PhotoColumns

TYPES = {
    "latitude": "float8",
    "longitude": "float8",
    "accuracy_km": "float4",
    "captured_at": "timestamptz",
}
"""Binary COPY takes no type but the column's own; what is not named here is text."""

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"

NO_COUNTRY = "ZZ"
"""Unknown territory, as the Unicode CLDR has it."""


def copy_photos(
    connection: Connection,
    table: str,
    leading: Sequence[tuple[str, str, Sequence[int]]],
    photos: PhotoColumns,
    chosen: Sequence[int],
) -> None:
    """Copy photos into a table.

    Args:
        connection: In whose transaction it happens.
        table: The table's name.
        leading: Further columns: name, type, and one value for each photo chosen.
        photos: All of them.
        chosen: Which of them.
    """
    names = [*(name for name, _, _ in leading), *FIELDS]
    columns = [*(values for _, _, values in leading), *_picked(photos, chosen)]
    statement = f"copy {table} ({', '.join(names)}) from stdin (format binary)"
    with driver_of(connection).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.set_types([*(kind for _, kind, _ in leading), *(TYPES.get(n, "text") for n in FIELDS)])
        for row in zip(*columns, strict=True):
            copy.write_row(row)


def _picked(photos: PhotoColumns, chosen: Sequence[int]) -> list[Sequence[object]]:
    columns: list[Sequence[object]] = []
    for name in FIELDS:
        values = getattr(photos, name)
        whole = values.tolist() if isinstance(values, np.ndarray) else values
        columns.append(whole if len(chosen) == len(photos) else [whole[at] for at in chosen])
    return columns


def copy_vectors(
    connection: Connection,
    table: str,
    photo_ids: NDArray[np.int64],
    places: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]],
    countries: Sequence[str | None],
    gallery_id: int,
    encoder_id: int,
    vectors: NDArray[np.float32] | NDArray[np.float16],
) -> None:
    """Copy vectors into a partition: whole tuples, packed by numpy.

    Args:
        connection: In whose transaction it happens.
        table: The partition's name.
        photo_ids: `[n]`.
        places: Latitude, longitude, and cell of each photo.
        countries: ISO 3166-1 alpha-2.
        gallery_id: Of all photos.
        encoder_id: Of all vectors.
        vectors: `[n, dimension]`.
    """
    dimension = vectors.shape[1]
    layout: list[tuple[str, str, int]] = [
        ("photo_id", ">i8", 8),
        ("latitude", ">f8", 8),
        ("longitude", ">f8", 8),
        ("gallery_id", ">i4", 4),
        ("cell", ">i4", 4),
        ("encoder_id", ">i2", 2),
        ("country", "S2", 2),
        ("embedding", "", 4 + 2 * dimension),
    ]
    rows = np.zeros(len(photo_ids), _record(layout, dimension))
    rows["fields"] = len(layout)
    for name, _, length in layout:
        rows[f"{name}_length"] = length
    rows["photo_id"], rows["gallery_id"], rows["encoder_id"] = photo_ids, gallery_id, encoder_id
    rows["latitude"], rows["longitude"], rows["cell"] = places
    rows["country"] = [(country or NO_COUNTRY).encode() for country in countries]
    rows["dimension"], rows["embedding"] = dimension, vectors.astype(np.float16, copy=False)
    names = ", ".join(name for name, _, _ in layout)
    statement = f"copy {table} ({names}) from stdin (format binary)"
    with driver_of(connection).cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(SIGNATURE)
        copy.write(rows.tobytes())
        copy.write(END)


def _record(layout: list[tuple[str, str, int]], dimension: int) -> np.dtype[np.void]:
    """Return a tuple as binary COPY takes it: each field after its length."""
    parts: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [("fields", ">i2")]
    for name, kind, _ in layout:
        parts.append((f"{name}_length", ">i4"))
        if kind:
            parts.append((name, kind))
    # As pgvector receives a halfvec: dimension, nothing, numbers.
    parts += [("dimension", ">i2"), ("unused", ">i2"), ("embedding", ">f2", (dimension,))]
    return np.dtype(parts)


def driver_of(connection: Connection) -> Driver:
    """Return psycopg's own connection.

    Raises:
        GalleryError: It was closed.
    """
    driver = connection.connection.driver_connection
    if driver is None:
        raise GalleryError("the connection was closed under a load; run it again")
    return driver  # type: ignore[no-any-return]
