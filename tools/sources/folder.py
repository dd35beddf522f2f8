"""A folder of photos that carry their place in EXIF."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.protocol import Rejected, SourcePhoto

SUFFIXES = frozenset(
    ".avif .bmp .gif .heic .heif .jpeg .jpg .jp2 .png .tif .tiff .webp".split()  # noqa: SIM905
)
"""Other files are no photos and are not reported as left out."""


class FolderSource:
    """Every photo below a folder, hidden ones apart."""

    def __init__(self, folder: Path, *, name: str | None = None) -> None:
        """List the photos of `folder`.

        Args:
            folder: Searched with all folders below it; links to folders are not followed.
            name: What the photos are kept under; the folder's full path otherwise.

        Raises:
            SourceError: It is no folder, or holds no photo.
        """
        if not folder.is_dir():
            raise SourceError(f"there is no folder {str(folder)!r}; give a folder of photos")
        self.folder = folder.resolve()
        self.name = name or str(self.folder)
        self._paths = sorted(_photos(self.folder))
        if not self._paths:
            raise SourceError(
                f"the folder {str(folder)!r} holds no photo ({', '.join(sorted(SUFFIXES))})"
            )

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        """Give the photos by path."""
        for path in self._paths:
            yield SourcePhoto(external_id=path.relative_to(self.folder).as_posix(), path=path)

    def __len__(self) -> int:
        """Say how many photos there are."""
        return len(self._paths)


def _photos(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _photos(entry)
        elif entry.suffix.lower() in SUFFIXES and not entry.is_dir():
            yield entry
