"""Packs rows of the table `embeddings` with numpy, and sends them with binary COPY."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection as Driver
from sqlalchemy import Connection

from geofix.db.errors import GalleryError

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"


def copy_tuples(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    blocks: Iterable[bytes | memoryview],
) -> int:
    """Copy tuples into a table; return how many.

    Args:
        connection: In whose transaction it happens.
        table: The table's name.
        columns: Names of its columns, in the order of the tuples' fields.
        blocks: Whole tuples as binary COPY takes them. Small ones, made as they are asked for, let
            the server store one while the next is made.
    """
    statement = f"copy {table} ({', '.join(columns)}) from stdin (format binary)"
    with driver_of(connection).cursor() as cursor:
        with cursor.copy(statement.encode()) as copy:
            copy.write(SIGNATURE)
            for block in blocks:
                copy.write(block)
            copy.write(END)
        return cursor.rowcount


def driver_of(connection: Connection) -> Driver:
    """Return psycopg's own connection.

    Raises:
        GalleryError: It was closed.
    """
    driver = connection.connection.driver_connection
    if driver is None:
        raise GalleryError("the connection closed during the load; run it again")
    return driver  # type: ignore[no-any-return]


NO_COUNTRY = "ZZ"
"""Code of an unknown territory in the Unicode CLDR."""

ROWS_A_BLOCK = 128
"""Rows packed and sent at a time; they fit in the processor's cache."""

Vectors = NDArray[np.float32] | NDArray[np.float16]

VECTOR_FIELDS = (
    ("photo_id", ">i8", 8),
    ("latitude", ">f8", 8),
    ("longitude", ">f8", 8),
    ("gallery_id", ">i4", 4),
    ("cell", ">i4", 4),
    ("encoder_id", ">i2", 2),
    ("country", "S2", 2),
)
"""Name, type and bytes of each column before the vector."""


class NotFiniteError(ValueError):
    """A vector has NaN or an infinity, perhaps only after it is rounded to half precision."""


class VectorTuples:
    """The rows of a load, each sent once, over one connection or two at once."""

    def __init__(
        self,
        photo_ids: NDArray[np.int64],
        places: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]],
        countries: Sequence[str | None],
        gallery_id: int,
        encoder_id: int,
        vectors: Vectors,
    ) -> None:
        """Put the rows in order.

        Args:
            photo_ids: `[n]`.
            places: Latitude, longitude, and cell of each photo.
            countries: ISO 3166-1 alpha-2.
            gallery_id: Of all photos.
            encoder_id: Of all vectors.
            vectors: `[n, dimension]`; rounded to halves.
        """
        latitude, longitude, cell = places
        self._columns: dict[str, NDArray[Any]] = {
            "photo_id": photo_ids,
            "latitude": latitude,
            "longitude": longitude,
            "cell": cell,
            "country": np.array([country or NO_COUNTRY for country in countries], "S2"),
        }
        self._vectors = vectors
        self._shared = {"gallery_id": gallery_id, "encoder_id": encoder_id}
        # Neighbours on the ground lie side by side in the table: a search in a region then reads a
        # few rows a page and not a page a row.
        order = np.argsort(cell, kind="stable")
        self._left = deque(
            order[at : at + ROWS_A_BLOCK] for at in range(0, len(order), ROWS_A_BLOCK)
        )

    def blocks(self, *, from_end: bool = False) -> Generator[memoryview, None, None]:
        """Yield rows that were not yielded before, block by block, all in the same memory.

        If the generator is closed early, the load has failed, and other callers get no more rows.

        Args:
            from_end: Begin with the last, while another connection is sent the first: each then
                gets neighbours.

        Raises:
            NotFiniteError: A vector is not finite.
        """
        rows = self._empty()
        take = self._left.pop if from_end else self._left.popleft
        try:
            while True:
                try:
                    chosen = take()
                except IndexError:
                    return
                block = rows[: len(chosen)]
                self._fill(block, chosen)
                yield block.data.cast("B")
        finally:
            self.give_up()

    def give_up(self) -> None:
        """Stop yielding rows, because the load has failed elsewhere."""
        self._left.clear()

    def _empty(self) -> NDArray[np.void]:
        """Return a block with what all rows share."""
        dimension = self._vectors.shape[1]
        rows = np.zeros(ROWS_A_BLOCK, _record(dimension))
        rows["fields"] = len(VECTOR_FIELDS) + 1
        for name, _, length in VECTOR_FIELDS:
            rows[f"{name}_length"] = length
        rows["embedding_length"], rows["dimension"] = 4 + 2 * dimension, dimension
        for name, number in self._shared.items():
            rows[name] = number
        return rows

    def _fill(self, block: NDArray[np.void], chosen: NDArray[np.intp]) -> None:
        for name, column in self._columns.items():
            block[name] = column[chosen]
        with np.errstate(over="ignore"):
            bits = self._vectors[chosen].astype(np.float16, copy=False).view(np.uint16)
        # By the bits of the exponent, which are all set in infinities and NaN: numpy's own test of
        # halves takes four times as long (20,000 x 768: 22 ms against 5).
        if ((bits & 0x7C00) == 0x7C00).any():
            raise NotFiniteError
        block["embedding"] = bits


def copy_vectors(
    connection: Connection, table: str, rows: VectorTuples, *, from_end: bool = False
) -> int:
    """Copy the remaining vectors of a load into a partition; return the number of rows.

    Args:
        connection: In whose transaction it happens.
        table: The partition's name.
        rows: May be sent over another connection at the same time.
        from_end: See `VectorTuples.blocks`.

    Raises:
        NotFiniteError: A vector is not finite; the transaction has to be rolled back.
    """
    names = [*(name for name, _, _ in VECTOR_FIELDS), "embedding"]
    with closing(rows.blocks(from_end=from_end)) as blocks:
        return copy_tuples(connection, table, names, blocks)


def _record(dimension: int) -> np.dtype[np.void]:
    """Return a tuple as binary COPY takes it: each field after its length."""
    parts: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [("fields", ">i2")]
    for name, kind, _ in VECTOR_FIELDS:
        parts += [(f"{name}_length", ">i4"), (name, kind)]
    # As pgvector receives a halfvec: dimension, nothing, numbers, of which we have the bits.
    parts += [("embedding_length", ">i4"), ("dimension", ">i2"), ("unused", ">i2")]
    return np.dtype([*parts, ("embedding", ">u2", (dimension,))])
