"""A CSV file, read row by row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.once import once_property
from geofix.tools.sources.columns import REQUIRED, find_columns
from geofix.tools.sources.placed_block import PlacedBlock, blocks_of
from geofix.tools.sources.protocol import Rejected
from geofix.tools.sources.rows import Row, check_head, placed_rows

DELIMITERS = (",", ";", "\t")
"""Spreadsheets of countries that write 48,86 part cells by semicolons."""

NUMBERS = ("latitude", "longitude", "accuracy_km")
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
        required: Sequence[str] = REQUIRED,
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
                    f"it has {len(cells)} cells and the header {len(self._header)}: put a cell that"
                    " holds a separator in double quotes",
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
            named.update({at: named[at].replace(",", ".") for at in NUMBERS if at in named})
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
            f"the table {str(path)!r} cannot be read: {error}; give a CSV file in UTF-8, which"
            " spreadsheets call 'CSV UTF-8'"
        ) from error
