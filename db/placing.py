"""The counts per cell, kept in step with the vectors by whoever changes these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from geofix.db.copying import NO_COUNTRY

GROUPED = (
    "select encoder_id, gallery_id, cell, country, {sign} count(*) as photos from embeddings"
    " where photo_id = any(:ids) group by 1, 2, 3, 4"
)

UPSERT = (
    "insert into cell_counts (encoder_id, gallery_id, cell, country, photos) {rows}"
    " on conflict (encoder_id, gallery_id, cell, country)"
    " do update set photos = cell_counts.photos + excluded.photos"
)


def recount(connection: Connection, photo_ids: Sequence[int], *, sign: int) -> None:
    """Count the vectors of some photos in, or out before they change or go."""
    rows = GROUPED.format(sign="" if sign > 0 else "-")
    connection.execute(text(UPSERT.format(rows=rows)), {"ids": list(photo_ids)})


def count_new(
    connection: Connection,
    encoder_id: int,
    gallery_id: int,
    cells: NDArray[np.int32],
    countries: Sequence[str | None],
) -> None:
    """Count in vectors that are new, from what is known of them without asking Postgres."""
    found = Counter(zip(cells.tolist(), (c or NO_COUNTRY for c in countries), strict=True))
    rows = (
        "select :encoder_id, :gallery_id, * from"
        " unnest(cast(:cells as int[]), cast(:countries as text[]), cast(:photos as bigint[]))"
    )
    connection.execute(
        text(UPSERT.format(rows=rows)),
        {
            "encoder_id": encoder_id,
            "gallery_id": gallery_id,
            "cells": [cell for cell, _ in found],
            "countries": [country for _, country in found],
            "photos": list(found.values()),
        },
    )


def encoders_of(connection: Connection, photo_ids: Sequence[int]) -> list[int]:
    """Return the encoders that have vectors of some photos."""
    found = connection.execute(
        text("select distinct encoder_id from embeddings where photo_id = any(:ids)"),
        {"ids": list(photo_ids)},
    )
    return [int(encoder_id) for encoder_id in found.scalars()]


def forget_gallery(connection: Connection, gallery_id: int) -> list[int]:
    """Remove a gallery's vectors and their counts; return the encoders that had some."""
    encoders = connection.execute(
        text(
            "with gone as (delete from cell_counts where gallery_id = :gallery_id"
            " returning encoder_id) select distinct encoder_id from gone"
        ),
        {"gallery_id": gallery_id},
    )
    found = [int(encoder_id) for encoder_id in encoders.scalars()]
    connection.execute(
        text("delete from embeddings where gallery_id = :gallery_id"), {"gallery_id": gallery_id}
    )
    loaded(connection, found)
    return found


def loaded(connection: Connection, encoder_ids: Sequence[int]) -> None:
    """Say that vectors came or went, so that what was read of them is read again."""
    connection.execute(
        text("update encoders set loads = loads + 1 where id = any(:ids)"),
        {"ids": list(encoder_ids)},
    )
