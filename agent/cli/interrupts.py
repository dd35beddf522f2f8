"""Ctrl-C is heard at once, also while a model thinks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import NoReturn, TypeVar

from geofix.agent.cli import exits

ResultT = TypeVar("ResultT")


def interruptible(work: Callable[[], ResultT]) -> ResultT:
    """Return what `work` returns, or raise what it raises, or KeyboardInterrupt at any time.

    LangGraph runs a node in a thread and, interrupted, waits for its end: two minutes where a model
    or a lock keeps it. So all of it is done in a thread that may be left behind. A run loses no
    more by that than by being killed: it goes on at the node it was in.
    """
    future: Future[ResultT] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="geofix", daemon=True).start()
    return future.result()


def leave_interrupted() -> NoReturn:
    """End the process without waiting for what it left behind; all that must be closed is."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exits.INTERRUPTED)
