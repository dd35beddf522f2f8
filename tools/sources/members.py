"""What pictures lie in folders, tars and zips, by one walk over their directories."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.folder import SUFFIXES
from geofix.tools.sources.pictures import FilePicture, Picture, TarPicture, ZipPicture

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
                raise SourceError(f"{str(path)!r} is a compressed tar: unpack it first")
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
                f"{str(path)!r} is encrypted or packed in a rare way: unpack it first"
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
            raise tarfile.ReadError("it does not end as a tar does")


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(f"the archive {str(path)!r} cannot be read ({error}); copy it again")


def _closed(error: OSError) -> None:
    raise SourceError(f"{error.filename!r} cannot be read: {error.strerror}") from error
