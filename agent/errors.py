"""The tree of geofix's errors; each text names the value and says what to do.

    GeofixError
    |-- PhotoError        the photo cannot be read
    |-- RegionError       a region is invalid: unknown country, latitude 91
    |-- EncoderError      the encoder is unknown or cannot be loaded
    |-- ModelError        the chat model is unknown, not installed, or has no key
    |-- SourceError       a folder or table of photos cannot be read
    |-- GalleryError      the gallery is empty, unknown, or embedded by another encoder
    |-- OptionError       an option is unknown, or has a value it cannot have
    |-- TrailError        a run is unknown, or was asked something else
    |   |-- RunBusy         another caller drives the run
    |   `-- AlreadyDecided  the run's question was answered before
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


class OptionError(GeofixError, ValueError):
    """An option of a question or a command is unknown, or cannot have the value it was given."""

    code = "option_invalid"


class RunBusy(TrailError):
    """Another caller drives the run, and did not finish in time."""

    code = "run_busy"


class AlreadyDecided(TrailError):
    """The run does not wait any more: somebody answered its question before."""

    code = "already_decided"


__all__ = [
    "AlreadyDecided",
    "DatabaseError",
    "EncoderError",
    "GalleryError",
    "GeofixError",
    "ModelError",
    "OptionError",
    "PhotoError",
    "RegionError",
    "RunBusy",
    "ServerError",
    "SourceError",
    "TrailError",
]
