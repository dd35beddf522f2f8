"""A CSV table of photos with their places."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from geofix.tools.errors import RegionError, SourceError
from geofix.tools.geo import check_coordinates
from geofix.tools.sources.protocol import Rejected, SourcePhoto

ALIASES = {
    "path": ("path", "file", "filename", "image"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng", "long"),
    "id": ("id", "external_id"),
    "author": ("author",),
    "licence": ("licence", "license"),
    "attribution": ("attribution",),
    "captured_at": ("captured_at", "captured at", "taken_at", "date"),
    "accuracy_km": ("accuracy_km",),
}
"""Our name of a column, and what else it may be called; upper and lower case are the same."""

REQUIRED = ("path", "latitude", "longitude")


class TableSource:
    """One photo a row; paths are relative to the table's folder."""

    def __init__(self, path: Path, *, name: str | None = None) -> None:
        """Read the table's rows; no photo is opened.

        Args:
            path: A CSV file with a header, in UTF-8.
            name: What the photos are kept under; the table's full path otherwise.

        Raises:
            SourceError: It cannot be read, or lacks a column it needs.
        """
        self.path = path.resolve()
        self.name = name or str(self.path)
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                self._columns = _columns(path, reader.fieldnames or [])
                self._rows = [(reader.line_num, row) for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SourceError(
                f"the table {str(path)!r} cannot be read: {error}; give a CSV file in UTF-8"
            ) from error
        if not self._rows:
            raise SourceError(f"the table {str(path)!r} has a header and no row")

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        """Give the photos by row."""
        for line, row in self._rows:
            try:
                yield self._photo(row)
            except (ValueError, RegionError) as error:
                yield Rejected(f"{self.path.name} line {line}", str(error))

    def __len__(self) -> int:
        """Say how many rows there are."""
        return len(self._rows)

    def _photo(self, row: Mapping[str | None, str | None]) -> SourcePhoto:
        cells = {name: (row.get(column) or "").strip() for name, column in self._columns.items()}
        if not cells["path"]:
            raise ValueError("the path is empty")
        latitude = _number("latitude", cells["latitude"])
        longitude = _number("longitude", cells["longitude"])
        check_coordinates(latitude, longitude)
        if latitude == 0 and longitude == 0:
            raise ValueError("the coordinates are 0, 0: taken for unset")
        return SourcePhoto(
            external_id=cells.get("id") or cells["path"],
            path=self.path.parent / cells["path"],
            latitude=latitude,
            longitude=longitude,
            accuracy_km=_number("accuracy_km", cells.get("accuracy_km") or "0"),
            author=cells.get("author") or None,
            licence=cells.get("licence") or None,
            attribution=cells.get("attribution") or None,
            captured_at=_instant(cells.get("captured_at") or ""),
        )


def _columns(path: Path, header: list[str] | tuple[str, ...]) -> dict[str, str]:
    """Return our name of each column and the table's own."""
    there = {column.strip().lower(): column for column in header}
    found = {
        name: there[alias]
        for name, aliases in ALIASES.items()
        for alias in reversed(aliases)
        if alias in there
    }
    missing = [name for name in REQUIRED if name not in found]
    if missing:
        raise SourceError(
            f"the table {str(path)!r} has no column {missing[0]!r}; it has"
            f" {', '.join(map(repr, header)) or 'none'}"
        )
    return found


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"the {name} {text!r} is not a number") from error


def _instant(text: str) -> datetime | None:
    """Return an ISO 8601 date or time; one without an offset is taken for UTC."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"the date {text!r} is not written as ISO 8601") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
