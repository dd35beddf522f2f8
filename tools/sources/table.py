"""Reads a table of photos with their places, in CSV, Parquet or GeoJSON."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.once import once_property
from geofix.tools.sources.columns import REQUIRED_COLUMNS, find_columns, text_of
from geofix.tools.sources.geojson import SUFFIXES, GeoJsonTable
from geofix.tools.sources.parquet import ParquetTable
from geofix.tools.sources.picture_files import FilePicture, MemoryPicture, Picture
from geofix.tools.sources.placed_block import PlacedBlock, blocks_of
from geofix.tools.sources.protocol import Rejected, SourcePhoto, check_name, name_of
from geofix.tools.sources.rows import PlacedRow, Row, check_head, placed_rows

DELIMITERS = (",", ";", "\t")
"""Spreadsheets of countries that write 48,86 part cells by semicolons."""

NUMBER_COLUMNS = ("latitude", "longitude", "accuracy_km")
"""Columns whose decimal comma is read."""

BLANK = b' \t\r\n,;"'
"""What a row without a cell consists of."""


class CsvTable:
    """Rows in UTF-8 below a header; at no time are all of them in memory."""

    def __init__(
        self,
        path: Path,
        *,
        columns: Mapping[str, str] | None = None,
        required: Sequence[str] = REQUIRED_COLUMNS,
    ) -> None:
        """Read the header and the first rows.

        Args:
            path: Cells are parted by commas, semicolons or tabs, and numbers may have a decimal
                comma unless commas part the cells.
            columns: Our name of a column to the table's.
            required: Our names of the columns that have to be there.

        Raises:
            SourceError: It cannot be read, lacks a column, or its coordinates are mistaken.
        """
        self.path = path.resolve()
        with _readable(path), open(path, encoding="utf-8-sig", newline="") as file:
            first = next((line for line in file if line.strip()), "")
        # The first of those that part the header most often, hence a comma if none does.
        self._delimiter = max(DELIMITERS, key=first.count)
        self._header = next(self._lines(), (0, []))[1]
        self._columns = find_columns(path, self._header, columns, required)
        self.names = {name: self._header[at] for name, at in self._columns.items()}
        check_head(self)

    def rows(self) -> Iterator[Row | Rejected]:
        """Give the rows that are not blank, each with its line.

        Raises:
            SourceError: The file stops being a CSV file in UTF-8.
        """
        lines = self._lines()
        next(lines, None)
        for line, cells in lines:
            label = f"{self.path.name} line {line}"
            if any(cells[len(self._header) :]):
                yield Rejected(
                    label,
                    f"it has {len(cells)} cells and the header has {len(self._header)}; put a"
                    " cell that contains a separator in double quotes",
                )
            else:
                yield Row(label, self._named(cells))

    def blocks(self, size: int) -> Iterator[PlacedBlock]:
        """Give what `placed_rows` gives, in blocks of `size` rows.

        Raises:
            SourceError: As `rows`.
        """
        return blocks_of(placed_rows(self), size)

    def total(self) -> int:
        """Count the rows that are not blank."""
        return self._total

    @once_property
    def _total(self) -> int:
        # Lines, and not rows as `csv` would find them, at a fifth of the time.
        count, inside = -1, False
        with _readable(self.path), open(self.path, "rb") as file:
            for line in file:
                count += not inside and bool(line.strip(BLANK).lstrip(b"\xef\xbb\xbf"))
                # A line break between quotes is part of a cell.
                inside ^= bool(line.count(b'"') & 1)
        return max(count, 0)

    def _named(self, cells: list[str]) -> dict[str, str]:
        named = {name: cells[at] if at < len(cells) else "" for name, at in self._columns.items()}
        if self._delimiter != ",":
            named.update({at: named[at].replace(",", ".") for at in NUMBER_COLUMNS if at in named})
        return named

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        with _readable(self.path), open(self.path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=self._delimiter, strict=True)
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield reader.line_num, cells


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"the table {str(path)!r} cannot be read: {error}. Give a CSV file in UTF-8, which"
            " spreadsheets call 'CSV UTF-8'"
        ) from error


Reader = type[CsvTable] | type[GeoJsonTable] | type[ParquetTable]
"""A format of tables."""


class TableSource:
    """One photo a row; paths are relative to the table's folder.

    Rows are read one after another and not kept; of each id eight bytes are, to find it again.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        columns: Mapping[str, str] | None = None,
        reader: Reader | None = None,
    ) -> None:
        """Read the table's header and first rows; no photo is opened.

        Args:
            path: A CSV, Parquet or GeoJSON file, or a folder of Parquet files. In a Parquet table
                the column of paths may hold the pictures themselves, as Hugging Face writes them.
            name: What the photos are kept under; the table's name and a mark otherwise.
            columns: Our name of a column to the table's, where `columns.ALIASES` does not know it.
            reader: The format; what the name of the file says otherwise.

        Raises:
            SourceError: It cannot be read, lacks a column it needs, its coordinates are mistaken
                throughout, or the name is unusable.
        """
        self.path = path.resolve()
        self.name = check_name(name_of(self.path) if name is None else name)
        self._table = (reader or _reader_of(path))(path, columns=columns)
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
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    required: Sequence[str] = REQUIRED_COLUMNS,
) -> CsvTable | GeoJsonTable | ParquetTable:
    """Return a reader of a table in CSV, Parquet or GeoJSON, whichever it is.

    Raises:
        SourceError: It cannot be read, lacks a column, or its coordinates are mistaken throughout.
    """
    return _reader_of(path)(path, columns=columns, required=required)


def _reader_of(path: Path) -> Reader:
    if path.suffix == ".parquet" or os.path.isdir(path):
        return ParquetTable
    return GeoJsonTable if path.suffix.lower() in SUFFIXES else CsvTable
