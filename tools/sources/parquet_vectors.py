"""Vectors in a list column of a Parquet file, beside the columns that say where each was taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.tools.errors import SourceError
from geofix.tools.sources.parquet_table import ParquetTable, open_parquet, readable
from geofix.tools.sources.protocol import check_name, name_of
from geofix.tools.sources.vector_rows import REQUIRED, batches_of, open_columns
from geofix.tools.sources.vectors import VectorBatch


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
        self._table = ParquetTable(path, columns=columns, required=(*REQUIRED, "embedding"))
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
                f"the column {self._column!r} of {str(self._table.path)!r} is {kind}; give lists of"
                " float16, float32 or float64"
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
