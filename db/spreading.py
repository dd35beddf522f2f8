"""Which server each vector of a load goes to, and what the load changes there.

A photo that has a vector keeps it where it is; the others go to the server with the fewest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from geofix.db.cells import cells_of
from geofix.db.errors import GalleryError
from geofix.db.galleries import partitioned
from geofix.db.holdings import ids_held, rows_held
from geofix.db.photo_columns import PhotoColumns
from geofix.db.photo_rows import update_photos
from geofix.db.placing import count_new, encoders_of, loaded
from geofix.db.servers import Joined, server_errors
from geofix.db.vector_tuples import NotFiniteError, Vectors, VectorTuples, copy_vectors

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Load:
    """Photos of one gallery with their vectors, the photos' rows being there."""

    encoder: str
    gallery_id: int
    photos: PhotoColumns
    ids: NDArray[np.int64]
    """`[n]`."""
    known: Positions
    """Which of them were there before."""
    vectors: Vectors
    """`[n, dimension]`."""


def store(load: Load, servers: Joined) -> None:
    """Put all vectors where they belong, in place of those the photos had.

    Raises:
        ShardError: A shard failed; no server has then stored anything.
    """
    homes = _homes(load, servers)
    for at, (server, connection) in enumerate(servers):
        chosen = np.flatnonzero(homes == at)
        # The server with the photos always: its encoder says that vectors came.
        if at == 0 or len(chosen) or len(load.known):
            with server_errors(server):
                _store(connection, load, chosen)


def update(
    photos: PhotoColumns, chosen: Positions, ids: NDArray[np.int64], servers: Joined
) -> None:
    """Bring photos up to date on all servers, and what their vectors' rows repeat of them.

    Raises:
        ShardError: As `store`.
    """
    for server, connection in servers:
        with server_errors(server):
            _update(connection, photos, chosen, ids)
            loaded(connection, encoders_of(connection, ids.tolist()))


def _homes(load: Load, servers: Joined) -> Positions:
    """Return for each photo the position of its server."""
    homes = np.zeros(len(load.ids), dtype=np.intp)
    if len(servers) == 1:
        return homes
    rows = []
    for server, connection in servers:
        with server_errors(server):
            rows.append(rows_held(connection))
    homes[:] = int(np.argmin(rows))
    if len(load.known):
        asked = load.ids[load.known].tolist()
        for at, (server, connection) in enumerate(servers):
            with server_errors(server):
                homes[np.isin(load.ids, ids_held(connection, load.encoder, asked))] = at
    return homes


def _store(connection: Connection, load: Load, chosen: Positions) -> None:
    encoder_id = partitioned(connection, load.encoder, load.vectors.shape[1])
    replaced = 0
    if len(load.known):
        ids = load.ids[load.known]
        _update(connection, load.photos, load.known, ids)
        gone = text(
            "delete from embeddings where encoder_id = :encoder_id and photo_id = any(:ids)"
        )
        values = {"encoder_id": encoder_id, "ids": ids.tolist()}
        replaced = connection.execute(gone, values).rowcount
    if len(chosen):
        copy_load(connection, load, encoder_id, tuples_of(load, chosen, encoder_id))
    count_load(connection, load, encoder_id, len(chosen) - replaced)


def tuples_of(load: Load, chosen: Positions, encoder_id: int) -> VectorTuples:
    """Return the rows of the vectors chosen, to be copied."""
    every = len(chosen) == len(load.ids)
    picked: slice | Positions = slice(None) if every else chosen
    latitude, longitude = load.photos.latitude[picked], load.photos.longitude[picked]
    country = load.photos.country
    return VectorTuples(
        load.ids[picked],
        (latitude, longitude, cells_of(latitude, longitude)),
        country if every else [country[at] for at in chosen],
        load.gallery_id,
        encoder_id,
        load.vectors[picked],
    )


def copy_load(
    connection: Connection,
    load: Load,
    encoder_id: int,
    rows: VectorTuples,
    *,
    from_end: bool = False,
) -> int:
    """Copy what is left of some rows; see `copy_vectors`.

    Raises:
        GalleryError: A vector is not finite.
    """
    try:
        return copy_vectors(connection, f"embeddings_{encoder_id:d}", rows, from_end=from_end)
    except NotFiniteError as error:
        raise GalleryError(
            f"encoder {load.encoder!r} gave a vector that is not finite; not stored"
        ) from error


def count_load(connection: Connection, load: Load, encoder_id: int, vectors: int) -> None:
    """Count vectors that came, and say so."""
    count_new(connection, encoder_id, load.gallery_id, vectors)
    loaded(connection, [encoder_id])


def _update(
    connection: Connection, photos: PhotoColumns, chosen: Positions, ids: NDArray[np.int64]
) -> None:
    cells = cells_of(photos.latitude[chosen], photos.longitude[chosen])
    update_photos(connection, photos, chosen, ids, cells)
