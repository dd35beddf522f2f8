"""Readers of photo collections, one a file, all behind `Source`."""

from __future__ import annotations

from geofix.tools.sources.folder import FolderSource
from geofix.tools.sources.protocol import Rejected, Source, SourcePhoto
from geofix.tools.sources.table import TableSource

__all__ = ["FolderSource", "Rejected", "Source", "SourcePhoto", "TableSource"]
