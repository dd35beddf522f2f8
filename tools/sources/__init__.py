"""Readers of photo collections, one in each file; each is a `Source` or a `VectorSource`."""

from __future__ import annotations

from geofix.tools.sources.folder import FolderSource
from geofix.tools.sources.joined import JoinedSource
from geofix.tools.sources.mp16 import open_mp16
from geofix.tools.sources.open_source import SOURCE_KINDS, Collection, SourceKind, open_source
from geofix.tools.sources.osv5m import open_osv5m
from geofix.tools.sources.picture_files import (
    FilePicture,
    MemoryPicture,
    Picture,
    TarPicture,
    ZipPicture,
)
from geofix.tools.sources.protocol import (
    Rejected,
    Source,
    SourcePhoto,
    VectorBatch,
    VectorSource,
    check_name,
)
from geofix.tools.sources.table import TableSource
from geofix.tools.sources.vector_files import NpySource, ParquetVectorSource
from geofix.tools.sources.webdataset import WebDatasetSource

__all__ = [
    "SOURCE_KINDS",
    "Collection",
    "FilePicture",
    "FolderSource",
    "JoinedSource",
    "MemoryPicture",
    "NpySource",
    "ParquetVectorSource",
    "Picture",
    "Rejected",
    "Source",
    "SourceKind",
    "SourcePhoto",
    "TableSource",
    "TarPicture",
    "VectorBatch",
    "VectorSource",
    "WebDatasetSource",
    "ZipPicture",
    "check_name",
    "open_mp16",
    "open_osv5m",
    "open_source",
]
