"""Rows of `photos`: found by what tells them apart, inserted, brought up to date."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from geofix.db.photo_columns import FIELDS, PhotoColumns
from geofix.db.photo_tuples import Positions, copy_photos

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
    """Take ids for photos that are to come, one block, higher than any before.

    Nobody else takes some meanwhile, see `writer_lock`. So their rows can be copied straight into
    the tables.
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
    """Bring photos up to date, and what the rows of their vectors repeat of them."""
    columns = ", ".join(FIELDS)
    connection.execute(
        text(
            f"create temp table changed on commit drop as select id, 0 as cell, {columns}"
            " from photos limit 0"
        )
    )
    copy_photos(connection, "changed", {"id": ids, "cell": cells}, photos, chosen)
    updates = ", ".join(f"{name} = changed.{name}" for name in FIELDS if name not in KEY_FIELDS)
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
