"""Vectors in a `.npy` file beside a table that says where each was taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.tools.errors import SourceError
from geofix.tools.sources.placed_block import PlacedBlock
from geofix.tools.sources.protocol import check_name, name_of
from geofix.tools.sources.table import open_table
from geofix.tools.sources.vector_rows import REQUIRED, batches_of, open_columns
from geofix.tools.sources.vectors import VectorBatch


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
        self._table = open_table(table, columns=columns, required=REQUIRED)
        open_columns(self._table)
        rows = self._table.total()
        if rows != len(self._vectors):
            raise SourceError(
                f"{str(path)!r} holds {len(self._vectors):,} vectors and the table {str(table)!r}"
                f" {rows:,} rows; each vector needs its row, in the same order"
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
            f"the table {str(self._table.path)!r} has {how_many} rows than there are vectors"
        )


def _map(path: Path) -> NDArray[Any]:
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    # EOFError: it is empty. ValueError: it is no .npy, of Python objects, or cut short.
    except (OSError, EOFError, ValueError) as error:
        raise SourceError(
            f"the vectors {str(path)!r} cannot be read: {error}; give what numpy.save writes"
        ) from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or not vectors.size:
        shape = list(getattr(vectors, "shape", [])) or "several arrays"
        raise SourceError(f"the vectors {str(path)!r} are {shape}, and not [n, dimension]")
    if vectors.dtype.kind != "f" or vectors.dtype.itemsize > 8:
        raise SourceError(
            f"the vectors {str(path)!r} are {vectors.dtype}; give float16, float32 or float64"
        )
    if not vectors.flags.c_contiguous:
        # Each batch would touch the whole file.
        raise SourceError(
            f"the vectors {str(path)!r} are stored column by column; save"
            " numpy.ascontiguousarray of them"
        )
    return vectors.view(np.ndarray)
