"""How a worker process begins: so that it ends with its load, and only then.

Kept apart from `geofix.tools.ingestion`, whose import takes a worker 0.7 s for nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process

SAFE_PATH = "PYTHONSAFEPATH"
"""Variable by which Python (3.11 or newer) leaves the working folder out of `sys.path`."""


@contextmanager
def from_safe_paths() -> Iterator[None]:
    """Let processes that are started inside import nothing from the working folder.

    Python starts a worker by `-c`, and so looks there first: a `multiprocessing.py` among the
    photos of a stranger would be run. What the parent imports from is handed on all the same.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


def begin() -> None:
    """Leave interrupts to the load, and watch over it; run first in every worker."""
    # An interrupt from the keyboard reaches the whole group; the load ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A killed load closes nothing: its workers would wait for pictures for ever.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
