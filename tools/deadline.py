"""Work that is waited for only so long, whatever it is stuck in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TypeVar

ResultT = TypeVar("ResultT")


class DeadlineError(TimeoutError):
    """The work took too long and was left behind."""


def within(
    seconds: float | None,
    work: Callable[[], ResultT],
    given_up: Callable[[], None] | None = None,
) -> ResultT:
    """Return what `work` returns, or raise what it raises.

    The time-out of an HTTP client is the longest silence, not the longest call: a server that
    sends a byte now and then keeps it waiting for ever. Work that is left behind goes on in a
    thread of its own, which does not keep the process alive.

    Args:
        seconds: How long to wait; None for as long as it takes, in this thread.
        work: Called once, with the context variables of the caller.
        given_up: Called when it took longer, to make the work end.

    Raises:
        DeadlineError: It took longer.
    """
    if seconds is None:
        return work()
    future: Future[ResultT] = Future()
    context = copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(work))
        # Raised again where it is waited for.
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="geofix-call", daemon=True).start()
    try:
        return future.result(timeout=max(seconds, 0.0))
    except TimeoutError:
        if future.done():
            return future.result()
        if given_up is not None:
            given_up()
        raise DeadlineError(f"timed out: no answer within {seconds:.1f} s") from None
