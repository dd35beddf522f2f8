"""Locates the bytes of one picture, in a file or an archive, and reads them in any process."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from geofix.tools.errors import PhotoError
from geofix.tools.photo.read import MAX_BYTES, _read_file

ZIP_HEADER = struct.Struct("<4s22xHH")
"""Header of a zip member: signature, and the lengths of the name and extra field that follow."""


class Picture(Protocol):
    """One picture, not read yet; small and picklable, so that any process can read it."""

    @property
    def location(self) -> str:
        """Its path, or `archive.tar!member`."""
        ...

    def read(self) -> bytes:
        """Return the file's bytes.

        Raises:
            PhotoError: It is gone, cannot be read, or is larger than `MAX_BYTES`.
        """
        ...


@dataclass(frozen=True, slots=True)
class FilePicture:
    """A file."""

    path: Path

    @property
    def location(self) -> str:
        """Its path."""
        return str(self.path)

    def read(self) -> bytes:
        """Return the file's bytes; see `Picture.read`."""
        return _within(_read_file(self.path), self.location)


@dataclass(frozen=True, slots=True)
class TarPicture:
    """A member of a tar that is not compressed, found by seeking."""

    path: Path
    offset: int
    """Where the member's bytes begin, in bytes from the start of the tar."""
    size: int
    """Size of the member in bytes."""
    member: str

    @property
    def location(self) -> str:
        """`archive.tar!member`."""
        return f"{self.path}!{self.member}"

    def read(self) -> bytes:
        """Return the member's bytes; see `Picture.read`."""
        _check_size(self.size, self.location)
        return _read_at(self.path, self.offset, self.size, self.location)


@dataclass(frozen=True, slots=True)
class ZipPicture:
    """A member of a zip, found by seeking: to open a zip of 50,000 members takes half a second."""

    path: Path
    member: str
    offset: int
    """Where the member's header begins, in bytes from the start of the zip."""
    packed: int
    """Bytes in the zip."""
    size: int
    """Bytes when unpacked."""
    crc: int
    """CRC-32 of the unpacked bytes."""
    deflated: bool

    @property
    def location(self) -> str:
        """`archive.zip!member`."""
        return f"{self.path}!{self.member}"

    def read(self) -> bytes:
        """Return the member's bytes; see `Picture.read`."""
        _check_size(self.size, self.location)
        header = _read_at(self.path, self.offset, ZIP_HEADER.size, self.location)
        signature, name, extra = ZIP_HEADER.unpack(header)
        start = self.offset + ZIP_HEADER.size + name + extra
        data = _read_at(self.path, start, self.packed, self.location)
        if self.deflated:
            try:
                # Never more than was announced, whatever the bytes unpack to.
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, self.size + 1)
            except zlib.error as error:
                raise _unreadable(self.location, str(error)) from error
        if signature != b"PK\3\4" or len(data) != self.size or zlib.crc32(data) != self.crc:
            raise _unreadable(self.location, "its content differs from the zip's directory")
        return data


@dataclass(frozen=True, slots=True)
class MemoryPicture:
    """Bytes that were read already: a compressed tar can only be read front to back."""

    location: str
    data: bytes = field(repr=False)

    def read(self) -> bytes:
        """Return the bytes; see `Picture.read`."""
        return _within(self.data, self.location)


def _within(data: bytes, location: str) -> bytes:
    _check_size(len(data), location)
    return data


def _check_size(size: int, location: str) -> None:
    if size > MAX_BYTES:
        raise PhotoError(
            f"photo {location!r} has more than {MAX_BYTES:,} bytes; save it as a smaller JPEG"
        )


def _read_at(path: Path, offset: int, size: int, location: str) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(size)
    except OSError as error:
        raise _unreadable(location, str(error)) from error
    if len(data) < size:
        raise _unreadable(location, "the archive is truncated")
    return data


def _unreadable(location: str, why: str) -> PhotoError:
    return PhotoError(f"photo {location!r} cannot be read ({why}); copy the archive again")
