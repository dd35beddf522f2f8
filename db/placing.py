"""The counts per cell: made by the end of a load, and an upper bound while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from geofix.db.cells import ANYWHERE
from geofix.db.partition import Partition
from geofix.db.vector_tuples import NO_COUNTRY


def count_new(connection: Connection, encoder_id: int, gallery_id: int, photos: int) -> None:
    """Count vectors in that just came, as ones that may lie anywhere.

    Counting them by cell at once took 33 to 44 of 445 to 508 ms a batch of 10,000.
    """
    connection.execute(
        text(
            "insert into cell_counts (encoder_id, gallery_id, cell, country, photos)"
            " values (:encoder_id, :gallery_id, :cell, :country, :photos)"
            " on conflict (encoder_id, gallery_id, cell, country)"
            " do update set photos = cell_counts.photos + excluded.photos"
        ),
        {
            "encoder_id": encoder_id,
            "gallery_id": gallery_id,
            "cell": ANYWHERE,
            "country": NO_COUNTRY,
            "photos": photos,
        },
    )


def count_all(connection: Connection, partition: Partition) -> None:
    """Count a partition's vectors by cell."""
    encoder = {"encoder_id": partition.encoder_id}
    connection.execute(text("delete from cell_counts where encoder_id = :encoder_id"), encoder)
    connection.execute(
        text(
            "insert into cell_counts (encoder_id, gallery_id, cell, country, photos)"
            " select :encoder_id, gallery_id, cell, country, count(*)"
            f" from {partition.table.name} group by gallery_id, cell, country"
        ),
        encoder,
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
    """Say that vectors came or went, so that what was read of them is read again.

    Each encoder by a statement of its own: Citus joins no distributed table to a local one that is
    updated.
    """
    for encoder_id in encoder_ids:
        newest = connection.execute(
            text("select coalesce(max(photo_id), 0) from embeddings where encoder_id = :id"),
            {"id": encoder_id},
        ).scalar_one()
        connection.execute(
            text("update encoders set loads = loads + 1, newest = :newest where id = :id"),
            {"id": encoder_id, "newest": newest},
        )
