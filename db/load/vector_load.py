"""Stores the vectors of a load, over one connection or, if there are many, over two at once.

A server uses one process for each connection. The first connection gets the photos and then the
vectors from the last one backwards; the second gets the vectors from the first one forwards, until
they meet. The first commits before the second. If the load is killed in between, photos that have a
vector are complete, and the others are invisible until they are loaded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

from geofix.db.errors import GalleryError
from geofix.db.load.photo_rows import PhotoColumns, update_photos
from geofix.db.load.vector_rows import NotFiniteError, Vectors, VectorTuples, copy_vectors
from geofix.db.search.counts import cells_of, count_new, encoders_of, mark_changed
from geofix.db.search.similarity import second_pool

Positions = NDArray[np.intp]

Insert = Callable[[Connection], None]
"""Inserts the photos of a load that are new."""


@dataclass(frozen=True, slots=True)
class VectorLoad:
    """Photos of one gallery with their vectors; the rows of the photos exist."""

    encoder: str
    encoder_id: int
    """Id of the encoder, whose partition exists."""
    gallery_id: int
    photos: PhotoColumns
    ids: NDArray[np.int64]
    """`[n]`."""
    known: Positions
    """Positions of the photos that were stored before."""
    vectors: Vectors
    """`[n, dimension]`."""


def store(connection: Connection, load: VectorLoad) -> None:
    """Store a load's vectors; they replace the photos' old vectors.

    Raises:
        GalleryError: A vector is not finite.
    """
    replaced = 0
    if len(load.known):
        ids = load.ids[load.known]
        _update(connection, load.photos, load.known, ids)
        gone = text(
            "delete from embeddings where encoder_id = :encoder_id and photo_id = any(:ids)"
        )
        values = {"encoder_id": load.encoder_id, "ids": ids.tolist()}
        replaced = connection.execute(gone, values).rowcount
    stored = copy_load(connection, load, tuples_of(load))
    count_load(connection, load, stored - replaced)


def store_over_two(
    engine: Engine, connection: Connection, load: VectorLoad, insert: Insert
) -> None:
    """Store a load's vectors, and its new photos at the same time.

    Args:
        engine: To the database.
        connection: Of `engine`, in the transaction that commits afterwards.
        load: Its gallery, its encoder and the encoder's partition are committed already.
        insert: Called in another thread, with a connection of its own.

    Raises:
        GalleryError: A vector is not finite; nothing is stored.
    """
    if len(load.known):
        with _committed_first(engine) as other, ThreadPoolExecutor(1) as thread:
            inserted = thread.submit(insert, other)
            store(connection, load)
            inserted.result()
        return
    rows = tuples_of(load)

    def photos_first(other: Connection) -> None:
        insert(other)
        stored = copy_load(other, load, rows, from_end=True)
        count_load(other, load, stored)

    def ended(theirs: Future[None]) -> None:
        if theirs.exception() is not None:
            rows.give_up()

    with _committed_first(engine) as other, ThreadPoolExecutor(1) as thread:
        theirs = thread.submit(photos_first, other)
        theirs.add_done_callback(ended)
        stored = copy_load(connection, load, rows)
        theirs.result()
    # Only now: until the other has committed, it would wait for whoever has changed the counts.
    count_load(connection, load, stored)


def update(
    connection: Connection, photos: PhotoColumns, chosen: Positions, ids: NDArray[np.int64]
) -> None:
    """Update photos, and the columns that the rows of their vectors repeat."""
    _update(connection, photos, chosen, ids)
    mark_changed(connection, encoders_of(connection, ids.tolist()))


def tuples_of(load: VectorLoad) -> VectorTuples:
    """Return the rows of a load's vectors, to be copied."""
    latitude, longitude = load.photos.latitude, load.photos.longitude
    return VectorTuples(
        load.ids,
        (latitude, longitude, cells_of(latitude, longitude)),
        load.photos.country,
        load.gallery_id,
        load.encoder_id,
        load.vectors,
    )


def copy_load(
    connection: Connection,
    load: VectorLoad,
    rows: VectorTuples,
    *,
    from_end: bool = False,
) -> int:
    """Copy what is left of some rows; see `copy_vectors`.

    Raises:
        GalleryError: A vector is not finite.
    """
    try:
        return copy_vectors(connection, f"embeddings_{load.encoder_id:d}", rows, from_end=from_end)
    except NotFiniteError as error:
        raise GalleryError(
            f"encoder {load.encoder!r} gave a vector that is not finite; it was not stored"
        ) from error


def count_load(connection: Connection, load: VectorLoad, vectors: int) -> None:
    """Count new vectors, and mark their encoder as changed."""
    count_new(connection, load.encoder_id, load.gallery_id, vectors)
    mark_changed(connection, [load.encoder_id])


def _update(
    connection: Connection, photos: PhotoColumns, chosen: Positions, ids: NDArray[np.int64]
) -> None:
    cells = cells_of(photos.latitude[chosen], photos.longitude[chosen])
    update_photos(connection, photos, chosen, ids, cells)


@contextmanager
def _committed_first(engine: Engine) -> Iterator[Connection]:
    """Give a transaction beside one that is under way and commits after it."""
    with second_pool(engine).begin() as connection:
        connection.execute(text("set local statement_timeout = 0"))
        # The commit of the other, which waits for the disk, comes after this one in the log.
        connection.execute(text("set local synchronous_commit = off"))
        yield connection
