"""Rows of `embeddings` as binary COPY takes them, packed by numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from geofix.db.copying import copy_tuples

NO_COUNTRY = "ZZ"
"""Unknown territory, as the Unicode CLDR has it."""

BLOCK = 512
"""Rows packed at a time: what the processor's cache holds, and is sent before the next."""


Vectors = NDArray[np.float32] | NDArray[np.float16]


class NotFiniteError(ValueError):
    """A vector holds NaN or an infinity, or does once it is rounded to halves."""


def copy_vectors(
    connection: Connection,
    table: str,
    photo_ids: NDArray[np.int64],
    places: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]],
    countries: Sequence[str | None],
    gallery_id: int,
    encoder_id: int,
    vectors: Vectors,
) -> None:
    """Copy vectors into a partition, rounded to halves.

    Args:
        connection: In whose transaction it happens.
        table: The partition's name.
        photo_ids: `[n]`.
        places: Latitude, longitude, and cell of each photo.
        countries: ISO 3166-1 alpha-2.
        gallery_id: Of all photos.
        encoder_id: Of all vectors.
        vectors: `[n, dimension]`.

    Raises:
        NotFiniteError: One is not finite; the transaction has to be rolled back.
    """
    dimension = vectors.shape[1]
    layout: list[tuple[str, str, int]] = [
        ("photo_id", ">i8", 8),
        ("latitude", ">f8", 8),
        ("longitude", ">f8", 8),
        ("gallery_id", ">i4", 4),
        ("cell", ">i4", 4),
        ("encoder_id", ">i2", 2),
        ("country", "S2", 2),
        ("embedding", "", 4 + 2 * dimension),
    ]
    latitude, longitude, cell = places
    values: dict[str, NDArray[Any]] = {
        "photo_id": photo_ids,
        "latitude": latitude,
        "longitude": longitude,
        "cell": cell,
        "country": np.array([country or NO_COUNTRY for country in countries], "S2"),
        "embedding": vectors,
    }
    rows = np.zeros(min(BLOCK, len(photo_ids)), _record(layout, dimension))
    rows["fields"] = len(layout)
    for name, _, length in layout:
        rows[f"{name}_length"] = length
    rows["gallery_id"], rows["encoder_id"] = gallery_id, encoder_id
    rows["dimension"] = dimension
    # Neighbours on the ground lie side by side in the table: a search in a region then reads a few
    # rows a page and not a page a row.
    order = np.argsort(cell, kind="stable")
    copy_tuples(connection, table, [name for name, _, _ in layout], _filled(rows, values, order))


def _filled(
    rows: NDArray[np.void], values: dict[str, NDArray[Any]], order: NDArray[np.intp]
) -> Iterator[memoryview]:
    """Give the rows block by block, all in the same memory."""
    for start in range(0, len(order), len(rows)):
        chosen = order[start : start + len(rows)]
        block = rows[: len(chosen)]
        with np.errstate(over="ignore"):
            for name, column in values.items():
                block[name] = column[chosen]
        if not _finite(block["embedding"]):
            raise NotFiniteError
        yield block.data.cast("B")


def _finite(halves: NDArray[np.float16]) -> bool:
    # By the bits of the exponent, which are all set in infinities and NaN: numpy's own test of
    # halves takes four times as long (20,000 x 768: 22 ms against 5).
    exponent = np.array(0x7C00, ">u2")
    return not ((halves.view(">u2") & exponent) == exponent).any()


def _record(layout: list[tuple[str, str, int]], dimension: int) -> np.dtype[np.void]:
    """Return a tuple as binary COPY takes it: each field after its length."""
    parts: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [("fields", ">i2")]
    for name, kind, _ in layout:
        parts.append((f"{name}_length", ">i4"))
        if kind:
            parts.append((name, kind))
    # As pgvector receives a halfvec: dimension, nothing, numbers.
    parts += [("dimension", ">i2"), ("unused", ">i2"), ("embedding", ">f2", (dimension,))]
    return np.dtype(parts)
