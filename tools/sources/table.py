"""A CSV table of photos with their places."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from geofix.tools.errors import RegionError, SourceError
from geofix.tools.geo import HALF_CIRCUMFERENCE_KM, check_coordinates
from geofix.tools.sources.columns import find_columns
from geofix.tools.sources.protocol import Rejected, SourcePhoto, check_name, name_of

DELIMITERS = (",", ";", "\t")
"""Spreadsheets of countries that write 48,86 part cells by semicolons."""

Row = tuple[int, list[str]]
"""Line number and cells."""


class TableSource:
    """One photo a row; paths are relative to the table's folder."""

    def __init__(self, path: Path, *, name: str | None = None) -> None:
        """Read the table's rows; no photo is opened.

        Args:
            path: A CSV file in UTF-8 with a header; cells are parted by commas, semicolons or
                tabs, and numbers may have a decimal comma unless commas part the cells.
            name: What the photos are kept under; the table's name and a mark otherwise.

        Raises:
            SourceError: It cannot be read, lacks a column it needs, or the name is unusable.
        """
        self.path = path.resolve()
        self.name = check_name(name_of(self.path) if name is None else name)
        try:
            self._decimal_comma, rows = _parse(path.read_bytes().decode("utf-8-sig"))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SourceError(
                f"the table {str(path)!r} cannot be read: {error}; give a CSV file in UTF-8, which"
                " spreadsheets call 'CSV UTF-8'"
            ) from error
        self._header = rows[0][1] if rows else []
        self._columns = find_columns(path, self._header)
        self._rows = rows[1:]
        if not self._rows:
            raise SourceError(f"the table {str(path)!r} has a header and no row")

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        """Give the photos by row."""
        lines: dict[str, int] = {}
        for line, cells in self._rows:
            try:
                photo = self._photo(cells)
                first = lines.setdefault(photo.external_id, line)
                if first != line:
                    raise ValueError(f"line {first} has the id {photo.external_id!r} already")
            except (ValueError, RegionError) as error:
                yield Rejected(f"{self.path.name} line {line}", str(error))
            else:
                yield photo

    def __len__(self) -> int:
        """Say how many rows there are."""
        return len(self._rows)

    def _photo(self, row: list[str]) -> SourcePhoto:
        if any(row[len(self._header) :]):
            raise ValueError(
                f"it has {len(row)} cells and the header {len(self._header)}: put a cell that holds"
                " a separator in double quotes"
            )
        cells = {name: row[at] if at < len(row) else "" for name, at in self._columns.items()}
        for name, cell in cells.items():
            if "\0" in cell:
                raise ValueError(f"the {name} {cell!r} holds a zero byte")
        if not cells["path"]:
            raise ValueError("the path is empty")
        latitude = self._number("latitude", cells["latitude"])
        longitude = self._number("longitude", cells["longitude"])
        check_coordinates(latitude, longitude)
        if latitude == 0 and longitude == 0:
            raise ValueError("the coordinates are 0, 0: taken for unset")
        accuracy_km = self._number("accuracy_km", cells.get("accuracy_km") or "0")
        if not 0 <= accuracy_km <= HALF_CIRCUMFERENCE_KM:
            raise ValueError(f"the accuracy_km {accuracy_km!r} is no distance on Earth")
        return SourcePhoto(
            external_id=cells.get("id") or cells["path"],
            path=self.path.parent / cells["path"],
            latitude=latitude,
            longitude=longitude,
            accuracy_km=accuracy_km,
            author=cells.get("author") or None,
            licence=cells.get("licence") or None,
            attribution=cells.get("attribution") or None,
            captured_at=_instant(cells.get("captured_at") or ""),
        )

    def _number(self, name: str, text: str) -> float:
        if not text:
            raise ValueError(f"the {name} is empty")
        try:
            return float(text.replace(",", ".") if self._decimal_comma else text)
        except ValueError as error:
            raise ValueError(f"the {name} {text!r} is not a number") from error


def _parse(text: str) -> tuple[bool, list[Row]]:
    """Return whether numbers may have a decimal comma, and the rows that are not blank."""
    header = text.lstrip().partition("\n")[0]
    # The first of those that part the header most often, hence a comma if none does.
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    return delimiter != ",", [(line, cells) for line, cells in rows if any(cells)]


def _instant(text: str) -> datetime | None:
    """Return an ISO 8601 date or time; one without an offset is taken for UTC."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"the date {text!r} is not written as ISO 8601") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
