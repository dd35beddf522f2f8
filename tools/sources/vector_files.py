"""Reads vectors made elsewhere, in `.npy` or Parquet, together with their rows, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from geofix.tools.errors import SourceError
from geofix.tools.once import once
from geofix.tools.sources.parquet import ParquetTable, open_parquet, readable
from geofix.tools.sources.placed_block import PlacedBlock
from geofix.tools.sources.protocol import VectorBatch, check_name, name_of
from geofix.tools.sources.rows import TableReader
from geofix.tools.sources.table import open_table

PLACE_COLUMNS = ("latitude", "longitude")

TOLERANCE = 1e-3
"""How far from 1 a length may be to be left alone; half precision keeps 3 digits."""

CERTAIN = 1e-30
"""Squares of lengths below, as those beyond single precision, are taken once more in double."""

FIRST_BLOCK = 4096
"""Rows of the first batch, at most, so that storing begins soon; of each next twice as many."""

SQUARED_AT_ONCE = 128
"""Vectors whose squares the processor's cache holds."""

Pieces = list[tuple[PlacedBlock, NDArray[Any]]]
Column = TypeVar("Column")


def open_columns(table: TableReader) -> None:
    """Refuse a table whose rows have no id.

    Raises:
        SourceError: It has neither ids nor paths.
    """
    if not {"id", "path"} & set(table.names):
        raise SourceError(
            f"the table {str(table.path)!r} has no column 'id'; name the right one with --column"
            " id=NAME"
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
    rows, limit = 0, min(FIRST_BLOCK, size)
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


class NpySource:
    """One vector a row of the table; the file is mapped and never read as a whole."""

    def __init__(
        self,
        path: Path,
        table: Path,
        *,
        name: str | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        """Map the vectors and compare their number with the table's rows.

        Args:
            path: An array of shape [n, dimension] in half, single or double precision, as
                `numpy.save` writes it.
            table: A CSV or Parquet table of n rows with ids (or paths) and places.
            name: What the rows are kept under; the file's name and a mark otherwise.
            columns: Our name of a column to the table's.

        Raises:
            SourceError: One of the two cannot be read, they do not fit each other, or the name is
                unusable.
        """
        self._path = path.resolve()
        self.name = check_name(name_of(self._path) if name is None else name)
        self._vectors = _map(path)
        self.dimension = int(self._vectors.shape[1])
        self._table = open_table(table, columns=columns, required=PLACE_COLUMNS)
        open_columns(self._table)
        rows = self._table.total()
        if rows != len(self._vectors):
            raise SourceError(
                f"{str(path)!r} has {len(self._vectors):,} vectors and the table {str(table)!r}"
                f" has {rows:,} rows; every vector needs one row, in the same order"
            )

    def total(self) -> int:
        """Say how many vectors there are."""
        return len(self._vectors)

    def batches(self, size: int) -> Iterator[VectorBatch]:
        """Give the rows with their vectors; see `VectorSource.batches`."""
        return batches_of(self._with_vectors(self._table.blocks(size)), size)

    def _with_vectors(
        self, blocks: Iterator[PlacedBlock]
    ) -> Iterator[tuple[PlacedBlock, NDArray[Any]]]:
        start = 0
        for block in blocks:
            array = self._vectors[start : start + len(block)]
            start += len(block)
            if len(array) < len(block):
                raise self._unlike("more")
            yield block, array
        if start < len(self._vectors):
            raise self._unlike("fewer")

    def _unlike(self, how_many: str) -> SourceError:
        return SourceError(
            f"the table {str(self._table.path)!r} has {how_many} rows than there are vectors;"
            " every vector needs one row"
        )


def _map(path: Path) -> NDArray[Any]:
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    # EOFError: it is empty. ValueError: it is no .npy, of Python objects, or cut short.
    except (OSError, EOFError, ValueError) as error:
        raise SourceError(
            f"the vectors {str(path)!r} cannot be read: {error}. Give a file that numpy.save wrote"
        ) from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or not vectors.size:
        shape = list(getattr(vectors, "shape", [])) or "several arrays"
        raise SourceError(
            f"the vectors {str(path)!r} are {shape} instead of one array [n, dimension]"
        )
    if vectors.dtype.kind != "f" or vectors.dtype.itemsize > 8:
        raise SourceError(
            f"the vectors {str(path)!r} have the type {vectors.dtype}; give float16, float32 or"
            " float64"
        )
    if not vectors.flags.c_contiguous:
        # Each batch would touch the whole file.
        raise SourceError(
            f"the vectors {str(path)!r} are stored column by column; save them with"
            " numpy.ascontiguousarray"
        )
    return vectors.view(np.ndarray)


class ParquetVectorSource:
    """One vector a row; row groups are read one after another."""

    def __init__(
        self, path: Path, *, name: str | None = None, columns: Mapping[str, str] | None = None
    ) -> None:
        """Read the schema and the first vector's length.

        Args:
            path: A Parquet file, or a folder of them.
            name: What the rows are kept under; the file's name and a mark otherwise.
            columns: Our name of a column to the table's.

        Raises:
            SourceError: It cannot be read, lacks a column, holds no vector, or the name is
                unusable.
        """
        self._table = ParquetTable(path, columns=columns, required=(*PLACE_COLUMNS, "embedding"))
        open_columns(self._table)
        self.name = check_name(name_of(self._table.path) if name is None else name)
        self._column = self._table.names["embedding"]
        self._dtype = self._checked_type()
        self.dimension = self._first_length()

    def total(self) -> int:
        """Say how many rows there are."""
        return self._table.total()

    def batches(self, size: int) -> Iterator[VectorBatch]:
        """Give the rows with their vectors; see `VectorSource.batches`."""
        blocks = self._table.blocks_with(self._column, size)
        return batches_of(((block, self._array(column)) for block, column in blocks), size)

    def _checked_type(self) -> np.dtype[Any]:
        import pyarrow as pa  # noqa: PLC0415 - native code that only Parquet needs

        with readable(self._table.path), open_parquet(self._table.files[0]) as file:
            kind = file.schema_arrow.field(self._column).type
        lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
        if not any(is_kind(kind) for is_kind in lists) or not pa.types.is_floating(kind.value_type):
            raise SourceError(
                f"the column {self._column!r} of {str(self._table.path)!r} has the type {kind};"
                " give lists of float16, float32 or float64"
            )
        dtype: np.dtype[Any] = np.dtype(kind.value_type.to_pandas_dtype())
        return dtype

    def _first_length(self) -> int:
        for path in self._table.files:
            with readable(path), open_parquet(path) as file:
                for batch in file.iter_batches(batch_size=1024, columns=[self._column]):
                    for vector in batch.column(0):
                        if vector.is_valid and len(vector):
                            return len(vector)
        raise SourceError(f"the column {self._column!r} of {str(self._table.path)!r} is empty")

    def _array(self, column: Any) -> NDArray[Any]:
        """Return the vectors; NaN where one is missing or of another length."""
        values = column.flatten().to_numpy(zero_copy_only=False)
        if column.null_count == 0 and len(values) == len(column) * self.dimension:
            lengths = column.value_lengths().to_numpy()
            if (lengths == self.dimension).all():
                return np.asarray(values, self._dtype).reshape(len(column), self.dimension)
        array = np.full((len(column), self.dimension), np.nan, self._dtype)
        for at, vector in enumerate(column):
            if vector.is_valid and len(vector) == self.dimension:
                array[at] = vector.values.to_numpy(zero_copy_only=False)
        return array
