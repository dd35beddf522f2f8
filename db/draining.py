"""All vectors of a shard, moved to the other servers batch by batch, searches going on.

A batch is on two servers between two commits, and a search then finds it once. Killed at any
point, draining is run again and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select, text

from geofix.db.copying import driver_of
from geofix.db.engine import database_errors
from geofix.db.galleries import partitioned
from geofix.db.holdings import ids_held, rows_held
from geofix.db.indexing import finish_load
from geofix.db.models import EncoderRow
from geofix.db.partition import Partition, partition_of
from geofix.db.placing import count_new, loaded
from geofix.db.servers import HERE, Joined, Server, joined, server_errors, transaction
from geofix.db.shards import named_shard
from geofix.db.sweeping import sweep
from geofix.db.writer_lock import write_alone

BATCH = 5_000

COLUMNS = "photo_id, latitude, longitude, gallery_id, cell, encoder_id, country, embedding"


def drain_shard(
    engine: Engine, name: str, *, progress: Callable[[int], None] = lambda moved: None
) -> int:
    """Move all vectors of a shard to the servers with the fewest; return how many.

    Args:
        engine: To the server with the photos.
        name: Of the shard.
        progress: Called after each batch with how many moved.

    Raises:
        GalleryError: There is no such shard.
        ShardError: A shard cannot be reached.
    """
    with database_errors(engine), engine.connect() as connection:
        shard = named_shard(engine, connection, name)
    with server_errors(shard), shard.engine.connect() as there:
        encoders = there.execute(select(EncoderRow.name).order_by(EncoderRow.name)).scalars().all()
    total = 0
    for encoder in encoders:
        while moved := _move_batch(engine, shard, encoder):
            total += moved
            progress(moved)
        finish_load(engine, encoder)
    return total


def _move_batch(engine: Engine, shard: Server, encoder: str) -> int:
    with database_errors(engine), transaction(Server(HERE, engine)) as connection:
        write_alone(connection)
        with joined(engine, connection) as servers:
            sweep(servers)
            source = next(there for server, there in servers if server.name == shard.name)
            others = [one for one in servers if one[0].name != shard.name]
            with server_errors(shard):
                partition = partition_of(source, encoder)
                if partition is None or not (ids := _some_ids(source, partition)):
                    return 0
            target, there = _emptiest(others)
            # Those that draining cut off has copied already only go.
            only_here = np.setdiff1d(ids, _held(others, encoder, ids)).tolist()
            with server_errors(target):
                encoder_id = partitioned(there, encoder, partition.dimension)
                # Both servers are asked here: what fails is said of the one that is filled.
                _copy(source, partition, there, encoder_id, only_here)
                _count(there, encoder_id, only_here, sign=1)
            with server_errors(shard):
                _forget(source, partition.encoder_id, ids)
            with server_errors(target):
                # Before it goes from the other: twice there, and never nowhere.
                there.commit()
        return len(ids)


def _some_ids(connection: Connection, partition: Partition) -> list[int]:
    photo_id = partition.table.c.photo_id
    return list(connection.execute(select(photo_id).order_by(photo_id).limit(BATCH)).scalars())


def _emptiest(servers: Joined) -> tuple[Server, Connection]:
    rows = []
    for server, connection in servers:
        with server_errors(server):
            rows.append(rows_held(connection))
    return servers[int(np.argmin(rows))]


def _held(servers: Joined, encoder: str, ids: list[int]) -> NDArray[np.int64]:
    found = []
    for server, connection in servers:
        with server_errors(server):
            found.append(ids_held(connection, encoder, ids))
    return np.concatenate(found)


def _copy(
    source: Connection,
    partition: Partition,
    target: Connection,
    encoder_id: int,
    ids: Sequence[int],
) -> None:
    """Copy rows from server to server as they are, but for the encoder's id."""
    chosen = COLUMNS.replace("encoder_id", f"{encoder_id:d}::smallint")
    listed = ",".join(map(str, ids))
    out = (
        f"copy (select {chosen} from {partition.table.name}"
        f" where photo_id = any('{{{listed}}}'::bigint[])) to stdout (format binary)"
    )
    into = f"copy embeddings_{encoder_id:d} ({COLUMNS}) from stdin (format binary)"
    with (
        driver_of(source).cursor() as reading,
        driver_of(target).cursor() as writing,
        reading.copy(out.encode()) as rows,
        writing.copy(into.encode()) as copy,
    ):
        for data in rows:
            copy.write(data)


def _forget(connection: Connection, encoder_id: int, ids: Sequence[int]) -> None:
    _count(connection, encoder_id, ids, sign=-1)
    gone = text("delete from embeddings where encoder_id = :encoder_id and photo_id = any(:ids)")
    connection.execute(gone, {"encoder_id": encoder_id, "ids": list(ids)})


def _count(connection: Connection, encoder_id: int, ids: Sequence[int], *, sign: int) -> None:
    rows = connection.execute(
        text(
            "select gallery_id, count(*) from embeddings where encoder_id = :encoder_id"
            " and photo_id = any(:ids) group by 1"
        ),
        {"encoder_id": encoder_id, "ids": list(ids)},
    )
    for gallery_id, photos in rows.all():
        count_new(connection, encoder_id, gallery_id, sign * photos)
    loaded(connection, [encoder_id])
