"""Finds one of millions of pictures by its key, in arrays instead of objects."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from geofix.tools.sources.marks import mark
from geofix.tools.sources.pictures import FilePicture, Picture, TarPicture, ZipPicture

FIELDS = ("mark", "archive", "offset", "packed", "size", "crc", "deflated")
"""What is kept of every picture, 8 bytes each, beside its name and where that ends."""


class PictureIndex:
    """Where the picture of a key is; about 140 bytes for each."""

    def __init__(
        self, pictures: Iterable[tuple[str, Picture]], key_of: Callable[[str], str]
    ) -> None:
        """Take in the pictures; of two with one key, the first is found.

        Args:
            pictures: Each with its name, as `members.pictures_below` gives them.
            key_of: Name to key.
        """
        self._key_of = key_of
        self._archives: dict[tuple[type[Picture], Path], int] = {}
        self._fields = {name: array("Q") for name in FIELDS}
        self._names = bytearray()
        self._ends = array("Q", [0])
        for name, picture in pictures:
            self._add(name, picture)
        self._opened = list(self._archives)
        marks = np.frombuffer(self._fields["mark"], np.uint64)
        self._order = np.argsort(marks, kind="stable")
        self._marks = marks[self._order]
        self._keys = int(np.count_nonzero(np.diff(self._marks))) + bool(len(self._marks))

    def __len__(self) -> int:
        """Say how many keys have a picture."""
        return self._keys

    def find(self, key: str) -> Picture | None:
        """Return the picture of a key."""
        wanted = np.uint64(mark(key))
        at = int(np.searchsorted(self._marks, wanted))
        while at < len(self._marks) and self._marks[at] == wanted:
            number = int(self._order[at])
            name = bytes(self._names[self._ends[number] : self._ends[number + 1]]).decode(
                "utf-8", "surrogateescape"
            )
            # Two keys may share a mark.
            if self._key_of(name) == key:
                return self._picture(number, name)
            at += 1
        return None

    def _add(self, name: str, picture: Picture) -> None:
        place = {"mark": mark(self._key_of(name))}
        if isinstance(picture, FilePicture):
            # Its name is what stands below the folder that was searched.
            archive = Path(str(picture.path)[: -len(name)])
        elif isinstance(picture, TarPicture):
            archive = picture.path
            place |= {"offset": picture.offset, "size": picture.size}
        elif isinstance(picture, ZipPicture):
            archive = picture.path
            place |= {"offset": picture.offset, "packed": picture.packed, "size": picture.size}
            place |= {"crc": picture.crc, "deflated": picture.deflated}
        else:
            raise TypeError(f"{picture!r} cannot be found again")
        kind = (type(picture), archive)
        place["archive"] = self._archives.setdefault(kind, len(self._archives))
        for field, values in self._fields.items():
            values.append(place.get(field, 0))
        self._names += name.encode("utf-8", "surrogateescape")
        self._ends.append(len(self._names))

    def _picture(self, number: int, name: str) -> Picture:
        place = {field: values[number] for field, values in self._fields.items()}
        kind, archive = self._opened[place["archive"]]
        if kind is FilePicture:
            return FilePicture(archive / name)
        if kind is TarPicture:
            return TarPicture(archive, place["offset"], place["size"], name)
        return ZipPicture(
            path=archive,
            member=name,
            offset=place["offset"],
            packed=place["packed"],
            size=place["size"],
            crc=place["crc"],
            deflated=bool(place["deflated"]),
        )
