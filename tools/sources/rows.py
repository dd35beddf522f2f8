"""Rows of a table as places, or as what is wrong with them."""

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
    """Return the same 64 bits for the same text, in every process.

    Two of five million texts share one with a chance of about one in 1.5 million.
    """
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


class SeenIds:
    """Says whether an id came before.

    Only Python's hash of it is kept, 64 bits with a key of the process: an id that shares one with
    another is refused as well, which is as unlikely as with `mark`.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._marks: set[int] = set()

    def refuse_again(self, external_id: str) -> None:
        """Keep an id.

        Raises:
            ValueError: It came before.
        """
        before = len(self._marks)
        self._marks.add(hash(external_id))
        if len(self._marks) == before:
            raise ValueError(f"an earlier row has the same id {external_id!r}")

    def keep_new(self, external_ids: Collection[str]) -> bool:
        """Keep ids if none of them came before, nor twice among them; else keep none.

        Returns:
            Whether they were kept.
        """
        marks = set(map(hash, external_ids))
        if len(marks) < len(external_ids) or not self._marks.isdisjoint(marks):
            return False
        self._marks |= marks
        return True


@dataclass(frozen=True, slots=True)
class Row:
    """One row, not understood yet."""

    label: str
    """Where it stands: `photos.csv line 7`."""
    cells: Cells


class TableReader(Protocol):
    """A table in any format, read anew each time."""

    path: Path

    @property
    def names(self) -> Mapping[str, str]:
        """Our name of each column that is there, to the table's."""
        ...

    def rows(self) -> Iterator[Row | Rejected]:
        """Give the rows in their order."""
        ...

    def total(self) -> int:
        """Say how many rows there are."""
        ...


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """One row with a place that can be one."""

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
            picture: Where it is.
            licence: What the whole collection is under, where the row does not say.
            attribution: Likewise.
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
    """Read a row.

    Raises:
        ValueError: It has no place, or something else that cannot be kept.
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
    """Give one item for every row, in the table's order; an id counts once."""
    return placed_once(table.rows(), SeenIds())


def placed_once(rows: Iterable[Row | Rejected], seen: SeenIds) -> Iterator[PlacedRow | Rejected]:
    """Give one item for every row; an id that was `seen` is refused."""
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
    """Look at the first `HEAD` rows of a table.

    Raises:
        SourceError: There is no row, it cannot be read, or its coordinates are mistaken throughout.
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
