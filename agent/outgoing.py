"""What a step is about to send out of this process: told to the trail before it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from threading import Lock
from typing import Any

from geofix.tools.outbound import Outbound

Calls = list[dict[str, Any]]


class Outgoing:
    """The calls of one step, in order; they may be announced from several threads."""

    def __init__(self, write: Callable[[Calls], None]) -> None:
        """Begin with none.

        Args:
            write: Puts the calls so far into the trail; what it raises stops the call.
        """
        self.calls: Calls = []
        self._write = write
        self._lock = Lock()

    def announce(self, call: Outbound) -> None:
        """Note a call before it is made."""
        with self._lock:
            self.calls.append({**asdict(call), "said": str(call)})
            self._write(list(self.calls))


_CURRENT: ContextVar[Outgoing | None] = ContextVar("outgoing", default=None)


@contextmanager
def announced(outgoing: Outgoing) -> Iterator[None]:
    """Let what is sent inside be announced to `outgoing`."""
    token = _CURRENT.set(outgoing)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def announce(call: Outbound) -> None:
    """Announce a call of the step that runs.

    Raises:
        RuntimeError: No step runs here, so that nothing would be kept of the call.
    """
    outgoing = _CURRENT.get()
    if outgoing is None:
        raise RuntimeError(f"a call to {call.host!r} belongs to no step of the trail")
    outgoing.announce(call)
