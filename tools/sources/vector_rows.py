"""Rows and vectors brought together, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.tools.errors import SourceError
from geofix.tools.sources.protocol import Rejected
from geofix.tools.sources.rows import PlacedRow, Table, placed_rows
from geofix.tools.sources.vectors import VectorBatch

REQUIRED = ("latitude", "longitude")

TOLERANCE = 1e-3
"""How far from 1 a length may be to be left alone; half precision keeps 3 digits."""


def open_columns(table: Table) -> None:
    """Refuse a table whose rows have no id.

    Raises:
        SourceError: It has neither ids nor paths.
    """
    if not {"id", "path"} & set(table.names):
        raise SourceError(
            f"the table {str(table.path)!r} has no column 'id'; say which one it is with"
            " --column id=NAME"
        )


def batches_of(table: Table, vectors: Iterator[NDArray[Any]]) -> Iterator[VectorBatch]:
    """Give the rows of a table with their vectors.

    Args:
        table: One row for each vector, in the same order.
        vectors: Arrays of shape [n, dimension]; a row of NaN stands for none.

    Raises:
        SourceError: The table has fewer rows than there are vectors.
    """
    rows = placed_rows(table)
    for array in vectors:
        items = list(islice(rows, len(array)))
        if len(items) < len(array):
            raise SourceError(
                f"the table {str(table.path)!r} has fewer rows than there are vectors"
            )
        yield batch_of(items, array)


def batch_of(items: list[PlacedRow | Rejected], array: NDArray[Any]) -> VectorBatch:
    """Return what of a batch can be kept, its vectors of unit length.

    Vectors that are not of unit length, within `TOLERANCE`, are divided by their length: searches
    compare directions only. Half precision stays half; all else becomes single.

    Args:
        items: Rows, and those that were left out.
        array: Their vectors, of shape [len(items), dimension].
    """
    # Squares of single precision overflow beyond 1e19.
    wide = np.asarray(array, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(wide, axis=1)
    kept: list[PlacedRow] = []
    rejected: list[Rejected] = []
    at: list[int] = []
    for number, (item, length) in enumerate(zip(items, lengths, strict=True)):
        if isinstance(item, Rejected):
            rejected.append(item)
        elif not np.isfinite(length):
            rejected.append(Rejected(item.label, "its vector is missing or not finite"))
        elif length == 0:
            rejected.append(Rejected(item.label, "its vector is zero"))
        else:
            kept.append(item)
            at.append(number)
    scale = np.where(np.abs(lengths[at] - 1) > TOLERANCE, lengths[at], 1.0)
    vectors = wide[at] / scale[:, None]
    half = vectors.astype(np.float16)
    return VectorBatch(
        external_ids=[row.external_id for row in kept],
        latitudes=np.array([row.latitude for row in kept], np.float64),
        longitudes=np.array([row.longitude for row in kept], np.float64),
        accuracies_km=np.array([row.accuracy_km for row in kept], np.float64),
        authors=[row.author for row in kept],
        licences=[row.licence for row in kept],
        attributions=[row.attribution for row in kept],
        captured_at=[row.captured_at for row in kept],
        vectors=half if array.dtype == np.float16 else vectors.astype(np.float32),
        rejected=rejected,
    )
