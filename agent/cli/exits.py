"""Exit codes, for scripts. 2 is the command line parser's own."""

from __future__ import annotations

from typing import Final

from geofix.agent.errors import GeofixError, PhotoError, RegionError, SourceError, TrailError

ABSTAINED: Final = 3
BAD_INPUT: Final = 4
SET_UP: Final = 5
REJECTED: Final = 6
CANNOT_DRAFT: Final = 7
INTERRUPTED: Final = 130
PIPE: Final = 141
"""What a shell reports of a program whose reader went away (128 + SIGPIPE)."""

EXPLAINED = (
    "Exit codes: 0 done, a position was found; 1 a fault in geofix; 2 a wrong command line;"
    f" {ABSTAINED} no position: abstained, or waiting for a person; {BAD_INPUT} the photo, the"
    f" table, the region or the run is unusable; {SET_UP} the database, the gallery, the encoder"
    f" or the model is not set up; {REJECTED} a photo was left out of a gallery;"
    f" {CANNOT_DRAFT} the model that was checked cannot draft;"
    f" {INTERRUPTED} interrupted: `geofix resume RUN` goes on."
)


def exit_code(error: GeofixError) -> int:
    """Return what a shell is told of an error raised on purpose."""
    asked_wrongly = isinstance(error, PhotoError | RegionError | SourceError | TrailError)
    return BAD_INPUT if asked_wrongly else SET_UP
