"""Readers of photo collections, one a file, all behind `Source`."""

from __future__ import annotations

from geofix.tools.sources.choose import open_source
from geofix.tools.sources.folder import FolderSource
from geofix.tools.sources.protocol import Rejected, Source, SourcePhoto, check_name
from geofix.tools.sources.table import TableSource

__all__ = [
    "FolderSource",
    "Rejected",
    "Source",
    "SourcePhoto",
    "TableSource",
    "check_name",
    "open_source",
]
