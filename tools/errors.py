"""The errors of the tools, and a way to silence warnings of libraries."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from geofix.db.errors import GeofixError


class PhotoError(GeofixError, ValueError):
    """The photo cannot be read: missing, empty, damaged, too large, or not an image."""

    code = "photo_unreadable"


class EncoderError(GeofixError):
    """The encoder is unknown, cannot be loaded, or gave an invalid vector."""

    code = "encoder_unusable"


class ModelError(GeofixError):
    """The chat model is unknown, not installed, unreachable, or gave an unusable answer."""

    code = "model_unusable"


class RegionError(GeofixError, ValueError):
    """A region is invalid: unknown country, latitude out of range, an empty circle or box."""

    code = "region_invalid"


class SourceError(GeofixError):
    """A folder or table of photos cannot be read as asked."""

    code = "source_unreadable"


class _Quiet:
    """Holds warnings back as long as any thread wants it.

    `catch_warnings` swaps a list of the whole process: two threads that swap it at once can leave
    each other's filters behind. So the first to come swaps it and the last to go swaps it back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = warnings.catch_warnings()

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._before.__exit__(None, None, None)


_quiet = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Drop warnings raised inside, and meanwhile those of other threads; for short work."""
    if getattr(sys.flags, "context_aware_warnings", False):
        # Python 3.14 can keep a list of filters for each thread.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
        return
    _quiet.enter()
    try:
        yield
    finally:
        _quiet.leave()
