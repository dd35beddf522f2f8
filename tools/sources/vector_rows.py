"""Rows and vectors brought together, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from geofix.tools.errors import SourceError
from geofix.tools.sources.placed_block import PlacedBlock
from geofix.tools.sources.rows import Table
from geofix.tools.sources.vectors import VectorBatch

REQUIRED = ("latitude", "longitude")

TOLERANCE = 1e-3
"""How far from 1 a length may be to be left alone; half precision keeps 3 digits."""

CERTAIN = 1e-30
"""Squares of lengths below, as those beyond single precision, are taken once more in double."""

Pieces = list[tuple[PlacedBlock, NDArray[Any]]]
Column = TypeVar("Column")


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


def batches_of(
    blocks: Iterable[tuple[PlacedBlock, NDArray[Any]]], size: int
) -> Iterator[VectorBatch]:
    """Give rows with their vectors, those of several blocks in one batch.

    Args:
        blocks: Of at most `size` rows each, with their vectors, of shape [len(block), dimension];
            one of NaN stands for none.
        size: Rows a batch stands for, at most.
    """
    pieces: Pieces = []
    rows = 0
    for block, array in blocks:
        if pieces and rows + len(block) > size:
            yield _batch_of(pieces)
            pieces, rows = [], 0
        pieces.append((block, array))
        rows += len(block)
    if pieces:
        yield _batch_of(pieces)


def _batch_of(pieces: Pieces) -> VectorBatch:
    ready = [_united(block, array) for block, array in pieces]
    blocks = [block for block, _ in ready]
    return VectorBatch(
        external_ids=_chained(block.external_ids for block in blocks),
        latitudes=np.concatenate([block.latitudes for block in blocks]),
        longitudes=np.concatenate([block.longitudes for block in blocks]),
        accuracies_km=np.concatenate([block.accuracies_km for block in blocks]),
        authors=_chained(block.authors for block in blocks),
        licences=_chained(block.licences for block in blocks),
        attributions=_chained(block.attributions for block in blocks),
        captured_at=_chained(block.captured_at for block in blocks),
        vectors=np.concatenate([vectors for _, vectors in ready]),
        rejected=[rejected for block in blocks for _, rejected in block.rejected],
    )


def _chained(lists: Iterable[list[Column]]) -> list[Column]:
    return list(chain.from_iterable(lists))


def _united(block: PlacedBlock, array: NDArray[Any]) -> tuple[PlacedBlock, NDArray[Any]]:
    """Return what of a block can be kept, and its vectors of unit length.

    Vectors that are not of unit length, within `TOLERANCE`, are divided by their length: searches
    compare directions only. Half precision stays half; all else becomes single.
    """
    if len(block.positions) < len(block):
        array = array[block.positions]
    lengths = _lengths(array)
    usable = np.isfinite(lengths) & (lengths > 0)
    if not usable.all():
        block = block.without({int(at): _reason(lengths[at]) for at in np.flatnonzero(~usable)})
        array, lengths = array[usable], lengths[usable]
    kind = np.float16 if array.dtype == np.float16 else np.float32
    with np.errstate(over="ignore"):
        vectors = array.astype(kind, copy=False)
    uneven = np.flatnonzero(np.abs(lengths - 1) > TOLERANCE)
    if len(uneven):
        vectors = vectors.copy() if vectors is array else vectors
        vectors[uneven] = array[uneven].astype(np.float64) / lengths[uneven, None]
    return block, vectors


def _lengths(array: NDArray[Any]) -> NDArray[np.float64]:
    """Return the lengths of vectors; infinite or NaN where one cannot be kept."""
    single = array.astype(np.float32) if array.dtype == np.float16 else array
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", single, single).astype(np.float64)
        doubtful = np.flatnonzero(~(np.isfinite(squares) & (squares > CERTAIN)))
        wide = array[doubtful].astype(np.float64)
        squares[doubtful] = np.einsum("ij,ij->i", wide, wide)
    lengths: NDArray[np.float64] = np.sqrt(squares)
    return lengths


def _reason(length: float) -> str:
    return "its vector is zero" if length == 0 else "its vector is missing or not finite"
