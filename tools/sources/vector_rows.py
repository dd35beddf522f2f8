"""Rows and vectors brought together, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from geofix.tools.errors import SourceError
from geofix.tools.once import once
from geofix.tools.sources.placed_block import PlacedBlock
from geofix.tools.sources.rows import Table
from geofix.tools.sources.vectors import VectorBatch

REQUIRED = ("latitude", "longitude")

TOLERANCE = 1e-3
"""How far from 1 a length may be to be left alone; half precision keeps 3 digits."""

CERTAIN = 1e-30
"""Squares of lengths below, as those beyond single precision, are taken once more in double."""

FIRST = 4096
"""Rows of the first batch, at most, so that storing begins soon; of each next twice as many."""

SQUARED_AT_ONCE = 128
"""Vectors whose squares the processor's cache holds."""

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
    rows, limit = 0, min(FIRST, size)
    for block, array in blocks:
        if pieces and rows + len(block) > limit:
            yield _batch_of(pieces)
            pieces, rows, limit = [], 0, min(2 * limit, size)
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
        vectors=_stacked([vectors for _, vectors in ready]),
        rejected=[rejected for block in blocks for _, rejected in block.rejected],
    )


def _stacked(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the rows of all; not copied where they follow one another in one array, as a file's.

    Copying 100,000 x 768 halves took 0.1 s of a core.
    """
    whole = arrays[0].base
    if isinstance(whole, np.ndarray) and all(_are_rows(array, whole) for array in arrays):
        firsts = [(_address(array) - _address(whole)) // whole.strides[0] for array in arrays]
        lasts = [first + len(array) for first, array in zip(firsts, arrays, strict=True)]
        if firsts[1:] == lasts[:-1]:
            return whole[firsts[0] : lasts[-1]]
    return np.concatenate(arrays)


def _are_rows(array: NDArray[Any], whole: NDArray[Any]) -> bool:
    return (
        array.base is whole
        and array.dtype == whole.dtype
        and array.strides == whole.strides
        and array.shape[1:] == whole.shape[1:]
    )


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


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
    with np.errstate(over="ignore", invalid="ignore"):
        halves = array.dtype == np.float16
        squares = _squares_of_halves(array) if halves else np.einsum("ij,ij->i", array, array)
        squares = squares.astype(np.float64)
        doubtful = np.flatnonzero(~(np.isfinite(squares) & (squares > CERTAIN)))
        wide = array[doubtful].astype(np.float64)
        squares[doubtful] = np.einsum("ij,ij->i", wide, wide)
    lengths: NDArray[np.float64] = np.sqrt(squares)
    return lengths


def _squares_of_halves(array: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return the squared lengths; looked up, which takes half as long as conversion by numpy."""
    bits, squares = array.view(np.uint16), np.empty(len(array), np.float32)
    for start in range(0, len(array), SQUARED_AT_ONCE):
        some = slice(start, start + SQUARED_AT_ONCE)
        squares[some] = _squares().take(bits[some]).sum(axis=1)
    return squares


@once
def _squares() -> NDArray[np.float32]:
    """The square of every half, by its bits."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    return np.square(halves.astype(np.float32))


def _reason(length: float) -> str:
    return "its vector is zero" if length == 0 else "its vector is missing or not finite"
