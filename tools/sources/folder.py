"""Reads a folder of photos with GPS in their EXIF."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.picture_files import FilePicture
from geofix.tools.sources.protocol import Rejected, SourcePhoto, check_name, name_of

SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".png"}
    | {".tif", ".tiff", ".webp"}
)
"""Other files are no photos and are not reported as left out."""


class FolderSource:
    """Every photo below a folder, hidden ones apart."""

    def __init__(self, folder: Path, *, name: str | None = None) -> None:
        """List the photos of `folder`.

        Args:
            folder: Searched with all folders below it; links to folders are not followed.
            name: What the photos are kept under; the folder's name and a mark otherwise.

        Raises:
            SourceError: It is no folder or cannot be read, holds no photo, or the name is unusable.
        """
        if not os.path.isdir(folder):
            raise SourceError(f"the folder {str(folder)!r} does not exist; give a folder of photos")
        self.folder = folder.resolve()
        self.name = check_name(name_of(self.folder) if name is None else name)
        self._closed: list[OSError] = []
        self._paths = sorted(self._photos())
        if not self._paths:
            # One that cannot be read at all is told apart from one without photos.
            reason = str(self._closed[0]) if self._closed else ", ".join(sorted(SUFFIXES))
            raise SourceError(f"the folder {str(folder)!r} contains no photo ({reason})")

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        """Give the photos by path, after the folders that could not be looked into."""
        for error in self._closed:
            yield Rejected(str(error.filename), f"the folder cannot be read: {error.strerror}")
        for path in self._paths:
            external_id = path.relative_to(self.folder).as_posix()
            try:
                external_id.encode("utf-8")
            except UnicodeEncodeError:
                yield Rejected(str(path), "its name is not UTF-8; rename it")
            else:
                yield SourcePhoto(external_id=external_id, picture=FilePicture(path))

    def total(self) -> int:
        """Say how many photos there are, and folders that could not be looked into."""
        return len(self._paths) + len(self._closed)

    def _photos(self) -> Iterator[Path]:
        for folder, below, files in os.walk(self.folder, onerror=self._closed.append):
            below[:] = [name for name in below if not name.startswith(".")]
            for name in files:
                if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                    yield Path(folder, name)
