"""Rows of `photos` as binary COPY takes them.

Numbers, and what all photos of a call share, are packed by numpy. Of other texts each is encoded
once, however many photos have it; columns that are empty throughout are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from geofix.db.copying import copy_tuples, driver_of
from geofix.db.photo_columns import FIELDS, NUMBERS, PhotoColumns

BLOCK = 2048
"""Photos put together at a time, and sent before the next."""

NULL = (-1).to_bytes(4, "big", signed=True)

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From which Postgres counts the microseconds of an instant."""

Positions = NDArray[np.intp]


def copy_photos(
    connection: Connection,
    table: str,
    leading: Mapping[str, NDArray[Any]],
    photos: PhotoColumns,
    chosen: Positions,
) -> None:
    """Copy photos into a table.

    Args:
        connection: In whose transaction it happens.
        table: The table's name.
        leading: Further columns by name: a number for each photo chosen, as wide as in the table.
        photos: All of them.
        chosen: Positions of those to copy.
    """
    numbers = {**leading, **{name: getattr(photos, name)[chosen] for name in NUMBERS}}
    encoding = driver_of(connection).info.encoding
    shared: dict[str, bytes] = {}
    varying: dict[str, Iterator[bytes]] = {}
    for name in (name for name in FIELDS if name not in NUMBERS):
        values = _picked(getattr(photos, name), chosen)
        pieces = {value: _field(value, encoding) for value in set(values)}
        if len(pieces) > 1:
            varying[name] = map(pieces.__getitem__, values)
        elif None not in pieces:
            shared.update((name, piece) for piece in pieces.values())
    rows = _packed(numbers, shared, len(varying), len(chosen))
    names = [*numbers, *shared, *varying]
    copy_tuples(connection, table, names, _joined(rows, list(varying.values())))


def _picked(values: Sequence[Any], chosen: Positions) -> Sequence[Any]:
    if len(chosen) == len(values):
        return values
    return [values[at] for at in chosen]


def _field(value: str | datetime | None, encoding: str) -> bytes:
    """Return a field as it is sent: after its length."""
    if value is None:
        return NULL
    if isinstance(value, datetime):
        data = ((value - EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big", signed=True)
    else:
        data = value.encode(encoding)
    return len(data).to_bytes(4, "big") + data


def _packed(
    numbers: Mapping[str, NDArray[Any]], shared: Mapping[str, bytes], varying: int, photos: int
) -> NDArray[np.void]:
    """Return the beginning of each photo's tuple: its numbers, and what all of them share."""
    constant = b"".join(shared.values())
    record = [("fields", ">i2")]
    for name, values in numbers.items():
        record += [(f"{name}_length", ">i4"), (name, values.dtype.newbyteorder(">").str)]
    rows = np.zeros(photos, [*record, ("shared", f"V{len(constant)}")])
    rows["fields"] = len(numbers) + len(shared) + varying
    for name, values in numbers.items():
        rows[f"{name}_length"], rows[name] = values.dtype.itemsize, values
    rows["shared"] = np.void(constant)
    return rows


def _joined(rows: NDArray[np.void], varying: list[Iterator[bytes]]) -> Iterator[bytes]:
    """Give whole tuples, many at a time."""
    starts = rows.view(f"V{rows.dtype.itemsize}")
    for first in range(0, len(rows), BLOCK):
        # The rows' own beginnings come first: `zip` takes nothing of the rest after the last.
        tuples = zip(starts[first : first + BLOCK].tolist(), *varying, strict=False)
        yield b"".join(chain.from_iterable(tuples))
