"""What killed loads and removals leave on the shards, removed."""

from __future__ import annotations

from sqlalchemy import Connection, text

from geofix.db.placing import count_new, loaded
from geofix.db.servers import Joined, server_errors


def sweep(servers: Joined) -> None:
    """Remove from the shards what loads and removals left that were killed between two commits.

    A load's photos have the highest ids there are, so those of one that never ended lie above all
    photos; the gallery of a removal is gone. So it has to be called before photos are inserted.
    """
    (_, here), *shards = servers
    if not shards:
        return
    highest = here.execute(text("select coalesce(max(id), 0) from photos")).scalar_one()
    galleries = here.execute(text("select id from galleries")).scalars().all()
    for server, connection in shards:
        with server_errors(server):
            _forget(connection, "photo_id > :highest", highest=highest)
            counted = connection.execute(text("select distinct gallery_id from cell_counts"))
            if gone := set(counted.scalars()) - set(galleries):
                _forget(connection, "gallery_id = any(:gone)", gone=list(gone))
                connection.execute(
                    text("delete from cell_counts where gallery_id = any(:gone)"),
                    {"gone": list(gone)},
                )


def _forget(connection: Connection, condition: str, **values: object) -> None:
    rows = connection.execute(
        text(
            f"with gone as (delete from embeddings where {condition}"
            " returning encoder_id, gallery_id)"
            " select encoder_id, gallery_id, count(*) from gone group by 1, 2"
        ),
        values,
    ).all()
    for encoder_id, gallery_id, photos in rows:
        count_new(connection, encoder_id, gallery_id, -photos)
    loaded(connection, sorted({row[0] for row in rows}))
