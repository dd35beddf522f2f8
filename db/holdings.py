"""What each server holds: of which photos, for which galleries and encoders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select, text

from geofix.db.errors import GalleryError
from geofix.db.models import CellCountRow, EncoderRow
from geofix.db.servers import server_errors, shards_of


def held_by(connection: Connection) -> set[tuple[int, str]]:
    """Return the galleries' ids and the encoders that one server has vectors of."""
    statement = (
        select(CellCountRow.gallery_id, EncoderRow.name)
        .join(EncoderRow, EncoderRow.id == CellCountRow.encoder_id)
        .where(CellCountRow.photos > 0)
        .distinct()
    )
    return {(int(row[0]), str(row[1])) for row in connection.execute(statement)}


def rows_held(connection: Connection) -> int:
    """Return how many vectors one server has, of all encoders."""
    counted = connection.execute(text("select coalesce(sum(photos), 0) from cell_counts"))
    return int(counted.scalar_one())


def ids_held(connection: Connection, encoder: str, photo_ids: Sequence[int]) -> NDArray[np.int64]:
    """Return which of some photos one server has a vector of."""
    rows = connection.execute(
        text(
            "select photo_id from embeddings where photo_id = any(:ids)"
            " and encoder_id = (select id from encoders where name = :encoder)"
        ),
        {"ids": list(photo_ids), "encoder": encoder},
    )
    return np.array([row[0] for row in rows], dtype=np.int64)


def ids_anywhere(
    engine: Engine, connection: Connection, encoder: str, photo_ids: Sequence[int]
) -> set[int]:
    """Return which of some photos have a vector on any server.

    Raises:
        ShardError: A shard that was asked did not answer.
    """
    found = set(ids_held(connection, encoder, photo_ids).tolist())
    for shard in shards_of(engine, connection):
        missing = [one for one in photo_ids if one not in found]
        if missing:
            with server_errors(shard), shard.engine.connect() as there:
                found.update(ids_held(there, encoder, missing).tolist())
    return found


def held_anywhere(engine: Engine, connection: Connection) -> set[tuple[int, str]]:
    """Return the galleries' ids and the encoders that any server has vectors of.

    Raises:
        ShardError: A shard does not answer.
    """
    held = held_by(connection)
    for shard in shards_of(engine, connection):
        with server_errors(shard), shard.engine.connect() as there:
            held |= held_by(there)
    return held


def require_encoder(gallery: str, encoders: Sequence[str], wanted: str) -> None:
    """Raise unless a gallery holds vectors of an encoder.

    Args:
        gallery: As the error names it.
        encoders: Whose vectors it holds.
        wanted: Whose are asked for.

    Raises:
        GalleryError: It is empty, or embedded by others; they are named.
    """
    if not encoders:
        raise GalleryError(
            f"{gallery} is empty; add photos with `geofix gallery add starter` or"
            " `geofix gallery ingest FOLDER`"
        )
    if wanted not in encoders:
        raise GalleryError(
            f"{gallery} was embedded with {' and '.join(map(repr, encoders))}, and this question"
            f" asks with {wanted!r}. Ask with the gallery's encoder (GEOFIX_ENCODER), or ingest the"
            f" photos again with {wanted!r}"
        )
