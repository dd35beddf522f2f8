"""Large loads over two connections at once: a server stores over each with one process.

One is sent the photos and then vectors, from the last on; the other vectors, from the first on,
until they meet. What the one was sent is committed before the other's: cut off in between, photos
with a vector are whole, and the rest are as if they were not there, until the next load of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from sqlalchemy import Connection, Engine, text

from geofix.db.galleries import partitioned
from geofix.db.servers import Joined, beside
from geofix.db.spreading import Load, copy_load, count_load, store, tuples_of

Insert = Callable[[Connection], None]
"""Inserts the photos of a load that are new."""


def store_over_two(engine: Engine, load: Load, servers: Joined, insert: Insert) -> None:
    """Store a load's vectors, and its new photos at the same time.

    Args:
        engine: To the server with the photos.
        load: Its gallery, its encoder and the encoder's partition are committed already.
        servers: All, with the transactions that commit afterwards.
        insert: Called in another thread, with a connection of its own.

    Raises:
        GalleryError: A vector is not finite; nothing is stored.
        ShardError: A shard failed; of vectors, nothing is stored.
    """
    if len(servers) == 1 and not len(load.known):
        _share(engine, load, servers[0][1], insert)
        return
    with _committed_first(engine) as other, ThreadPoolExecutor(1) as thread:
        inserted = thread.submit(insert, other)
        store(load, servers)
        inserted.result()


def _share(engine: Engine, load: Load, connection: Connection, insert: Insert) -> None:
    encoder_id = partitioned(connection, load.encoder, load.vectors.shape[1])
    rows = tuples_of(load, np.arange(len(load.ids)), encoder_id)

    def photos_first(other: Connection) -> None:
        insert(other)
        stored = copy_load(other, load, encoder_id, rows, from_end=True)
        count_load(other, load, encoder_id, stored)

    def ended(theirs: Future[None]) -> None:
        if theirs.exception() is not None:
            rows.give_up()

    with _committed_first(engine) as other, ThreadPoolExecutor(1) as thread:
        theirs = thread.submit(photos_first, other)
        theirs.add_done_callback(ended)
        stored = copy_load(connection, load, encoder_id, rows)
        theirs.result()
    # Only now: until the other has committed, it would wait for whoever has changed the counts.
    count_load(connection, load, encoder_id, stored)


@contextmanager
def _committed_first(engine: Engine) -> Iterator[Connection]:
    """Give a transaction beside one that is under way and commits after it."""
    with beside(engine).begin() as connection:
        connection.execute(text("set local statement_timeout = 0"))
        # The commit of the other, which waits for the disk, comes after this one in the log.
        connection.execute(text("set local synchronous_commit = off"))
        yield connection
