"""Warnings of libraries, held back where geofix reports in its own words."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# `catch_warnings` swaps a list of the whole process: two threads inside it at once can leave
# each other's filters behind. Headers and EXIF are quick to read, so one at a time costs little.
_one_at_a_time = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Drop warnings raised inside; for short work, since threads take turns."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
