"""A folder or a table, whichever is there."""

from __future__ import annotations

import os
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.folder import FolderSource
from geofix.tools.sources.protocol import Source
from geofix.tools.sources.table import TableSource


def open_source(path: Path, *, name: str | None = None) -> Source:
    """Return a reader of the collection at `path`; no photo is opened.

    Args:
        path: A folder of photos with GPS in EXIF, or a CSV table.
        name: What the photos are kept under; its name and a mark otherwise.

    Raises:
        SourceError: There is nothing of the kind.
    """
    # Not `Path.is_dir`, which raises where a folder above may not be looked into.
    if os.path.isdir(path):
        return FolderSource(path, name=name)
    if not os.path.lexists(path):
        raise SourceError(f"there is no {str(path)!r}; give a folder of photos or a CSV table")
    return TableSource(path, name=name)
