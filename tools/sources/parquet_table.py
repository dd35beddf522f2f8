"""A Parquet file, or a folder of them, read batch by batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from geofix.tools.errors import SourceError
from geofix.tools.once import once_property
from geofix.tools.sources.columns import REQUIRED, find_columns
from geofix.tools.sources.marks import SeenIds
from geofix.tools.sources.parquet_blocks import plain, plain_block
from geofix.tools.sources.placed_block import PlacedBlock, RowLabels, block_of
from geofix.tools.sources.rows import Row, check_head, placed_once

BATCH = 1024
"""Rows that are in memory at a time."""

PICTURES = 64
"""The same where the pictures themselves stand in the table."""


class ParquetTable:
    """Rows of one schema."""

    def __init__(
        self,
        path: Path,
        *,
        columns: Mapping[str, str] | None = None,
        required: Sequence[str] = REQUIRED,
    ) -> None:
        """Read the schema and the first rows.

        Args:
            path: A Parquet file, or a folder whose Parquet files are read by name.
            columns: Our name of a column to the table's.
            required: Our names of the columns that have to be there.

        Raises:
            SourceError: It cannot be read, lacks a column, or its coordinates are mistaken.
        """
        self.path = path.resolve()
        self.files = parquet_files(self.path)
        with readable(path), open_parquet(self.files[0]) as file:
            schema = file.schema_arrow
        header = list(schema.names)
        found = find_columns(path, header, columns, required)
        self.names = {name: header[at] for name, at in found.items()}
        path_type = schema.field(found["path"]).type if "path" in found else None
        self._batch = PICTURES if "struct" in str(path_type) else BATCH
        check_head(self)

    def rows(self) -> Iterator[Row]:
        """Give the rows; vectors are left where they are.

        Raises:
            SourceError: A file is damaged.
        """
        for labels, columns, _ in self._batches(self._batch):
            yield from _row_by_row(labels, columns)

    def blocks(self, size: int) -> Iterator[PlacedBlock]:
        """Give what `placed_rows` gives, in blocks of at most `size` rows.

        Raises:
            SourceError: As `rows`.
        """
        return (block for block, _ in self.blocks_with(None, size))

    def blocks_with(self, beside: str | None, size: int) -> Iterator[tuple[PlacedBlock, Any]]:
        """Give the same, each block with its cells of one more column of the table."""
        seen = SeenIds()
        for labels, columns, more in self._batches(min(size, self._batch), beside):
            block = plain_block(columns, labels, seen)
            if block is None:
                block = block_of(list(placed_once(_row_by_row(labels, columns), seen)))
            yield block, more

    def _batches(
        self, size: int, beside: str | None = None
    ) -> Iterator[tuple[RowLabels, dict[str, Any], Any]]:
        """Give labels, our columns, and that one more."""
        wanted = {name: column for name, column in self.names.items() if name != "embedding"}
        # One column may serve twice, as id and as path.
        columns = list(dict.fromkeys([*wanted.values(), *([] if beside is None else [beside])]))
        for path in self.files:
            first = 1
            with readable(path), open_parquet(path) as file:
                for batch in file.iter_batches(batch_size=size, columns=columns):
                    cells = {name: batch.column(column) for name, column in wanted.items()}
                    labels = RowLabels(path.name, first, batch.num_rows)
                    first += batch.num_rows
                    yield labels, cells, None if beside is None else batch.column(beside)

    def total(self) -> int:
        """Say how many rows there are, from the files' own records."""
        return self._total

    @once_property
    def _total(self) -> int:
        count = 0
        for path in self.files:
            with readable(path), open_parquet(path) as file:
                count += int(file.metadata.num_rows)
        return count


def _row_by_row(labels: RowLabels, columns: Mapping[str, Any]) -> Iterator[Row]:
    lists = {name: plain(column) for name, column in columns.items()}
    for at, label in enumerate(labels):
        yield Row(label, _unwrapped({name: cells[at] for name, cells in lists.items()}, label))


def _unwrapped(cells: dict[str, Any], label: str) -> dict[str, Any]:
    """Part a picture that stands in the table (Hugging Face: bytes, path) from its name."""
    picture = cells.get("path")
    if not isinstance(picture, dict):
        return cells
    return cells | {"path": picture.get("path") or label, "picture": picture.get("bytes")}


def parquet_files(path: Path) -> list[Path]:
    """Return the Parquet files at a path, by name.

    Raises:
        SourceError: It is a folder without one.
    """
    if not os.path.isdir(path):
        return [path]
    files = sorted(entry for entry in path.iterdir() if entry.suffix == ".parquet")
    if not files:
        raise SourceError(f"the folder {str(path)!r} holds no .parquet file")
    return files


def open_parquet(path: Path) -> Any:
    """Return a `pyarrow.parquet.ParquetFile`."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - native code that only Parquet needs

    return pq.ParquetFile(path)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises into `SourceError`."""
    import pyarrow as pa  # noqa: PLC0415 - see `open_parquet`

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"the Parquet file {str(path)!r} cannot be read: {error}; write it again"
        ) from error
