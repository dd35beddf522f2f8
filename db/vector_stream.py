"""All vectors of a partition, block by block: what the mean and checks of recall are made from.

Binary COPY out, parsed as numpy sees it; memory is one block's, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

from geofix.db.errors import GalleryError
from geofix.db.partition import Partition, partition_of

BLOCK_ROWS = 20_000
"""Of 1280 dimensions in float32: 102 MB."""

HEADER = len(b"PGCOPY\n\xff\r\n\0") + 8
"""Of the binary format: signature, flags, and the length of an extension that is not used."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a partition."""

    photo_ids: NDArray[np.int64]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    vectors: NDArray[np.float32]
    """`[n, dimension]`, as they are stored."""


def stream_vectors(connection: Connection, partition: Partition) -> Iterator[Block]:
    """Give all rows of a partition, in the order of the table."""
    record = _record(partition.dimension)
    held = bytearray()
    skip = HEADER
    statement = (
        f"copy (select photo_id, latitude, longitude, embedding from {partition.table.name})"
        " to stdout (format binary)"
    )
    driver = connection.connection.driver_connection
    if driver is None:
        raise GalleryError("the connection was closed while vectors were read; run it again")
    # In a transaction, because nothing else carries a limit to COPY behind a pooler.
    with driver.transaction(), driver.cursor() as cursor:
        cursor.execute("set local statement_timeout = 0")
        with cursor.copy(statement) as copy:
            for data in copy:
                held += data
                if skip:
                    if len(held) < skip:
                        continue
                    del held[:skip]
                    skip = 0
                if len(held) >= BLOCK_ROWS * record.itemsize:
                    rows = len(held) // record.itemsize
                    yield _block(bytes(held[: rows * record.itemsize]), record)
                    del held[: rows * record.itemsize]
    if rows := len(held) // record.itemsize:
        yield _block(bytes(held[: rows * record.itemsize]), record)


def every_block(engine: Engine, encoder: str) -> Iterator[Block]:
    """Give all vectors of an encoder, block by block."""
    with engine.connect() as connection:
        partition = partition_of(connection, encoder)
        if partition is not None:
            connection.execute(text("set local statement_timeout = 0"))
            yield from stream_vectors(connection, partition)


def _record(dimension: int) -> np.dtype[np.void]:
    """Return one row as COPY writes it: every field after its length, a vector after its own."""
    return np.dtype(
        [
            ("fields", ">i2"),
            ("photo_id_length", ">i4"),
            ("photo_id", ">i8"),
            ("latitude_length", ">i4"),
            ("latitude", ">f8"),
            ("longitude_length", ">i4"),
            ("longitude", ">f8"),
            ("embedding_length", ">i4"),
            ("dimension", ">i2"),
            ("unused", ">i2"),
            ("embedding", ">f2", (dimension,)),
        ]
    )


def _block(data: bytes, record: np.dtype[np.void]) -> Block:
    rows = np.frombuffer(data, record)
    return Block(
        photo_ids=rows["photo_id"].astype(np.int64),
        latitudes=rows["latitude"].astype(np.float64),
        longitudes=rows["longitude"].astype(np.float64),
        vectors=rows["embedding"].astype(np.float32),
    )
