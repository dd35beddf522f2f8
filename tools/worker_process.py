"""How a worker process begins: so that it ends with its load, and only then.

Kept apart from `geofix.tools.ingestion`, whose import takes a worker 0.7 s for nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import parent_process


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
