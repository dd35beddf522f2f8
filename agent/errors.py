"""The tree of geofix's errors; each text names the value and says what to do.

    GeofixError
    |-- PhotoError        the photo cannot be read
    |-- RegionError       a region is invalid: unknown country, latitude 91
    |-- EncoderError      the encoder is unknown or cannot be loaded
    |-- ModelError        the chat model is unknown, not installed, or has no key
    |-- SourceError       a folder or table of photos cannot be read
    |-- GalleryError      the gallery is empty, unknown, or embedded by another encoder
    |-- TrailError        a run is unknown, or a thread is asked about another photo
    `-- DatabaseError     the database cannot be reached, or is not set up
        `-- ServerError   the embedded Postgres cannot be started

A model that fails during a run raises no error; the answer then says that it is degraded.
"""

from __future__ import annotations

from geofix.db.errors import (
    DatabaseError,
    GalleryError,
    GeofixError,
    ServerError,
    TrailError,
)
from geofix.tools.errors import EncoderError, ModelError, PhotoError, RegionError, SourceError

__all__ = [
    "DatabaseError",
    "EncoderError",
    "GalleryError",
    "GeofixError",
    "ModelError",
    "PhotoError",
    "RegionError",
    "ServerError",
    "SourceError",
    "TrailError",
]
