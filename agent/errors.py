"""The tree of geofix's errors; each text names the value and says what to do.

    GeofixError                 geofix_error       what no class below is for: a file cannot be
                                                   written, an extra is not installed
    |-- PhotoError (*)          photo_unreadable   the photo cannot be read
    |-- RegionError (*)         region_invalid     a region or a claim is invalid: unknown country,
                                                   latitude 91
    |-- OptionError (*)         option_invalid     an option is unknown, or cannot have its value
    |-- SettingError            setting_invalid    a setting is unknown, or cannot have its value
    |-- EncoderError            encoder_unusable   the encoder is unknown or cannot be loaded
    |-- ModelError              model_unusable     the chat model is unknown, not installed, or has
                                                   no key
    |-- SourceError             source_unreadable  a folder or table of photos cannot be read
    |-- GalleryError            gallery_unusable   the gallery is empty, unknown, or embedded by
                                                   another encoder
    |-- TrailError (*)          run_unusable       a run is unknown, or was asked something else
    |   |-- RunBusy (*)         run_busy           another caller drives the run
    |   `-- AlreadyDecided (*)  already_decided    the run's question was answered before
    `-- DatabaseError           database_failed    the database cannot be reached, or is not set up
        `-- ServerError         server_failed      the embedded Postgres cannot be started

The second column is the class's `code`, by which programs tell errors apart: it stays the same when
a text changes. A class that is not listed here has the code of its parent.

Classes with (*) are a ValueError too: what a caller gave cannot be used. A LangGraph server passes
on the texts of ValueErrors and hides all others.

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


class SettingError(GeofixError):
    """A setting, or the file or variable it is read from, cannot be used."""

    code = "setting_invalid"


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
    "SettingError",
    "SourceError",
    "TrailError",
]
