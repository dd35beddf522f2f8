"""A table of photos with their places."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from geofix.tools.sources.cells import text_of
from geofix.tools.sources.columns import REQUIRED
from geofix.tools.sources.csv_table import CsvTable
from geofix.tools.sources.parquet_table import ParquetTable
from geofix.tools.sources.pictures import FilePicture, MemoryPicture, Picture
from geofix.tools.sources.protocol import Rejected, SourcePhoto, check_name, name_of
from geofix.tools.sources.rows import PlacedRow, placed_rows


class TableSource:
    """One photo a row; paths are relative to the table's folder.

    Rows are read one after another and not kept; of each id eight bytes are, to find it again.
    """

    def __init__(
        self, path: Path, *, name: str | None = None, columns: Mapping[str, str] | None = None
    ) -> None:
        """Read the table's header and first rows; no photo is opened.

        Args:
            path: A CSV or Parquet file, or a folder of Parquet files. In a Parquet table the column
                of paths may hold the pictures themselves, as Hugging Face writes them.
            name: What the photos are kept under; the table's name and a mark otherwise.
            columns: Our name of a column to the table's, where `columns.ALIASES` does not know it.

        Raises:
            SourceError: It cannot be read, lacks a column it needs, its coordinates are mistaken
                throughout, or the name is unusable.
        """
        self.path = path.resolve()
        self.name = check_name(name_of(self.path) if name is None else name)
        self._table = open_table(path, columns=columns)
        self._folder = self.path if os.path.isdir(self.path) else self.path.parent

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        """Give the photos by row."""
        for row in placed_rows(self._table):
            yield row if isinstance(row, Rejected) else row.photo(self._picture(row))

    def total(self) -> int:
        """Say how many rows there are."""
        return self._table.total()

    def _picture(self, row: PlacedRow) -> Picture:
        data = row.cells.get("picture")
        if data is not None:
            return MemoryPicture(f"{self.path}!{row.external_id}", data)
        return FilePicture(self._folder / text_of(row.cells, "path"))


def open_table(
    path: Path, *, columns: Mapping[str, str] | None = None, required: Sequence[str] = REQUIRED
) -> CsvTable | ParquetTable:
    """Return a reader of a CSV or Parquet table, whichever it is.

    Raises:
        SourceError: It cannot be read, lacks a column, or its coordinates are mistaken throughout.
    """
    kind = ParquetTable if path.suffix == ".parquet" or os.path.isdir(path) else CsvTable
    return kind(path, columns=columns, required=required)
