"""Reads the rows of a table as places, or as rejections with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Protocol

from geofix.tools.errors import SourceError
from geofix.tools.sources.columns import (
    HEAD,
    Cells,
    accuracy_of,
    check_columns,
    check_place,
    instant_of,
    number_of,
    text_of,
)
from geofix.tools.sources.picture_files import Picture
from geofix.tools.sources.protocol import Rejected, SourcePhoto


def mark(text: str) -> int:
    """Return a 64-bit hash of a text that is the same in every process.

    The chance that two of five million texts have the same hash is about one in 1.5 million.
    """
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


class SeenIds:
    """Recognises ids that came before.

    Only Python's 64-bit hash of an id is stored. An id with the same hash as another is refused
    too, which is as unlikely as with `mark`.
    """

    def __init__(self) -> None:
        """Start without ids."""
        self._marks: set[int] = set()

    def refuse_again(self, external_id: str) -> None:
        """Store an id.

        Raises:
            ValueError: The id came before.
        """
        before = len(self._marks)
        self._marks.add(hash(external_id))
        if len(self._marks) == before:
            raise ValueError(f"an earlier row has the same id {external_id!r}")

    def keep_new(self, external_ids: Collection[str]) -> bool:
        """Store ids if all of them are new and different; otherwise store none.

        Returns:
            Whether they were stored.
        """
        marks = set(map(hash, external_ids))
        if len(marks) < len(external_ids) or not self._marks.isdisjoint(marks):
            return False
        self._marks |= marks
        return True


@dataclass(frozen=True, slots=True)
class Row:
    """One row whose cells are not parsed yet."""

    label: str
    """Position for messages: `photos.csv line 7`."""
    cells: Cells


class TableReader(Protocol):
    """A table in any format."""

    path: Path

    @property
    def names(self) -> Mapping[str, str]:
        """The table's name of each column, by geofix's name."""
        ...

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield the rows in order."""
        ...

    def total(self) -> int:
        """Return the number of rows."""
        ...


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """One row with a valid place."""

    label: str
    external_id: str
    cells: Cells
    latitude: float
    longitude: float
    accuracy_km: float
    author: str | None
    licence: str | None
    attribution: str | None
    captured_at: datetime | None

    def photo(
        self, picture: Picture, *, licence: str | None = None, attribution: str | None = None
    ) -> SourcePhoto:
        """Return the row's photo.

        Args:
            picture: The picture.
            licence: Licence of the collection, if the row has none.
            attribution: Attribution of the collection, if the row has none.
        """
        return SourcePhoto(
            external_id=self.external_id,
            picture=picture,
            latitude=self.latitude,
            longitude=self.longitude,
            accuracy_km=self.accuracy_km,
            author=self.author,
            licence=self.licence or licence,
            attribution=self.attribution or attribution,
            captured_at=self.captured_at,
        )


def placed(row: Row) -> PlacedRow:
    """Parse a row.

    Raises:
        ValueError: The row has no valid place, path or id, or another value is invalid.
    """
    cells = row.cells
    if "path" in cells and not text_of(cells, "path"):
        raise ValueError("the path is empty")
    latitude, longitude = number_of(cells, "latitude"), number_of(cells, "longitude")
    check_place(latitude, longitude)
    external_id = text_of(cells, "id") or text_of(cells, "path")
    if not external_id:
        raise ValueError("the id is empty")
    return PlacedRow(
        label=row.label,
        external_id=external_id,
        cells=cells,
        latitude=latitude,
        longitude=longitude,
        accuracy_km=accuracy_of(cells),
        author=text_of(cells, "author") or None,
        licence=text_of(cells, "licence") or None,
        attribution=text_of(cells, "attribution") or None,
        captured_at=instant_of(cells),
    )


def placed_rows(table: TableReader) -> Iterator[PlacedRow | Rejected]:
    """Yield one item for every row, in the table's order; a repeated id is rejected."""
    return placed_once(table.rows(), SeenIds())


def placed_once(rows: Iterable[Row | Rejected], seen: SeenIds) -> Iterator[PlacedRow | Rejected]:
    """Yield one item for every row; an id that was `seen` is rejected."""
    for row in rows:
        if isinstance(row, Rejected):
            yield row
            continue
        try:
            ready = placed(row)
            seen.refuse_again(ready.external_id)
        except ValueError as error:
            yield Rejected(row.label, str(error))
        else:
            yield ready


def check_head(table: TableReader) -> None:
    """Check the first `HEAD` rows of a table.

    Raises:
        SourceError: The table has no rows, cannot be read, or has swapped or scaled coordinates.
    """
    rows = list(islice(table.rows(), HEAD))
    if not rows:
        raise SourceError(f"the table {str(table.path)!r} has no rows below its header")
    places = [place for row in rows if (place := _numbers(row)) is not None]
    check_columns(f"the table {str(table.path)!r}", places, table.names)


def _numbers(row: Row | Rejected) -> tuple[float, float] | None:
    if isinstance(row, Rejected):
        return None
    try:
        return number_of(row.cells, "latitude"), number_of(row.cells, "longitude")
    except ValueError:
        # Its own line of the report will say so.
        return None
