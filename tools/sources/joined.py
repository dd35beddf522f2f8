"""Reads a table whose pictures are in a folder or archives, which are indexed once by a key."""

from __future__ import annotations

import os
import tarfile
import zipfile
from array import array
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from pathlib import Path

import numpy as np

from geofix.tools.errors import SourceError
from geofix.tools.sources.folder import SUFFIXES
from geofix.tools.sources.picture_files import FilePicture, Picture, TarPicture, ZipPicture
from geofix.tools.sources.protocol import Rejected, SourcePhoto, check_name
from geofix.tools.sources.rows import PlacedRow, TableReader, mark, placed_rows

INDEX_FIELDS = ("mark", "archive", "offset", "packed", "size", "crc", "deflated")
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
        self._fields = {name: array("Q") for name in INDEX_FIELDS}
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
            raise TypeError(f"{picture!r} has disappeared since the load began")
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


TARS = (".tar",)
PACKED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def pictures_below(folder: Path) -> Iterator[tuple[str, Picture]]:
    """Give every picture below a folder, those in zips and tars too, with its name there.

    Raises:
        SourceError: An archive is damaged, or of a kind that cannot be read at any place.
    """
    for root, below, files in os.walk(folder, onerror=_closed):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(files):
            path, lower = Path(root, name), name.lower()
            if lower.endswith(PACKED_TARS):
                raise SourceError(f"{str(path)!r} is a compressed tar; unpack it first")
            if lower.endswith(".zip"):
                yield from zip_pictures(path)
            elif lower.endswith(TARS):
                yield from ((member.name, picture) for member, picture in tar_pictures(path))
            elif is_picture(name):
                yield path.relative_to(folder).as_posix(), FilePicture(path)


def is_picture(name: str) -> bool:
    """Say whether a file or member is called like a picture and is not hidden."""
    base = name.rpartition("/")[2]
    return not base.startswith(".") and os.path.splitext(base)[1].lower() in SUFFIXES


def zip_pictures(path: Path) -> Iterator[tuple[str, ZipPicture]]:
    """Give the pictures of a zip.

    Raises:
        SourceError: It is damaged, encrypted, or packed in another way than deflated.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (OSError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error
    for member in members:
        if not is_picture(member.filename):
            continue
        if member.flag_bits & 1 or member.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise SourceError(
                f"{str(path)!r} is encrypted or compressed in an unsupported way; unpack it first"
            )
        yield (
            member.filename,
            ZipPicture(
                path=path,
                member=member.filename,
                offset=member.header_offset,
                packed=member.compress_size,
                size=member.file_size,
                crc=member.CRC,
                deflated=member.compress_type == zipfile.ZIP_DEFLATED,
            ),
        )


def tar_pictures(path: Path) -> Iterator[tuple[tarfile.TarInfo, TarPicture]]:
    """Give the pictures of a tar that is not compressed; only headers are read.

    Raises:
        SourceError: It is damaged.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            for member in tar_members(archive):
                if member.isreg() and is_picture(member.name):
                    picture = TarPicture(path, member.offset_data, member.size, member.name)
                    yield member, picture
    except (OSError, tarfile.TarError) as error:
        raise _damaged(path, error) from error


def tar_members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Give the members of a tar one after another, without keeping them as `tarfile` would.

    Raises:
        tarfile.TarError: It is damaged, or cut short even between two members.
    """
    while (member := archive.next()) is not None:
        yield member
        archive.members.clear()  # type: ignore[attr-defined]
    # `tarfile` takes what is no header for the end; in a stream, what unpacks it notices.
    file = archive.fileobj
    if isinstance(file, BufferedReader):
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("its end is missing")


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(f"the archive {str(path)!r} cannot be read ({error}); copy it again")


def _closed(error: OSError) -> None:
    raise SourceError(f"{error.filename!r} cannot be read: {error.strerror}") from error


class JoinedSource:
    """The photos that have a row and a picture.

    Published sets are downloaded in part, and some photos are gone for good: rows without a
    picture, and pictures without a row, are counted in one line each and not listed.
    """

    def __init__(
        self,
        table: TableReader,
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
            raise SourceError(f"the folder {str(pictures)!r} contains no photo, zip or tar")

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
                self._table.path.name, f"{missing:,} rows have no photo in {str(self._folder)!r}"
            )
        if found < len(self._index):
            yield Rejected(
                str(self._folder),
                f"{len(self._index) - found:,} photos have no usable row in"
                f" {self._table.path.name!r}",
            )

    def total(self) -> int:
        """Say how many pictures there are; rows that cannot be used come on top."""
        return len(self._index)
