"""A table whose pictures lie elsewhere, to be found by a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.index import PictureIndex
from geofix.tools.sources.members import pictures_below
from geofix.tools.sources.protocol import Rejected, SourcePhoto, check_name
from geofix.tools.sources.rows import PlacedRow, Table, placed_rows


class JoinedSource:
    """The photos that have a row and a picture.

    Published sets are downloaded in part, and some photos are gone for good: rows without a
    picture, and pictures without a row, are counted in one line each and not listed.
    """

    def __init__(
        self,
        table: Table,
        pictures: Path,
        *,
        name: str,
        key_of: Callable[[str], str],
        attribution: Callable[[PlacedRow], str | None],
        licence: str | None = None,
    ) -> None:
        """Find the pictures; none is opened, of archives only the directories are read.

        Args:
            table: What is known of each photo.
            pictures: A folder; searched with all folders below it, and zips and tars in them.
            name: What the photos are kept under.
            key_of: Id of a row, or name of a picture, to what both have in common.
            attribution: What a row's photo has to be quoted with, where the row does not say.
            licence: What all photos are under, where the row does not say.

        Raises:
            SourceError: There is no picture, an archive is damaged, or the name is unusable.
        """
        self.name = check_name(name)
        self._table, self._folder = table, pictures
        self._key_of, self._attribution, self._licence = key_of, attribution, licence
        self._index = PictureIndex(pictures_below(pictures), key_of)
        if not len(self._index):
            raise SourceError(f"the folder {str(pictures)!r} holds no picture, zip or tar")

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        """Give the photos in the order of the table."""
        missing = found = 0
        for row in placed_rows(self._table):
            if isinstance(row, Rejected):
                yield row
                continue
            picture = self._index.find(self._key_of(row.external_id))
            if picture is None:
                missing += 1
                continue
            found += 1
            yield row.photo(picture, licence=self._licence, attribution=self._attribution(row))
        if missing:
            yield Rejected(
                self._table.path.name, f"{missing:,} rows have no picture in {str(self._folder)!r}"
            )
        if found < len(self._index):
            yield Rejected(
                str(self._folder),
                f"{len(self._index) - found:,} pictures have no usable row in"
                f" {self._table.path.name!r}",
            )

    def total(self) -> int:
        """Say how many pictures there are; rows that cannot be used come on top."""
        return len(self._index)
