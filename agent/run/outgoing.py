"""What a step sends to a model and what comes back: written down before it goes, kept before use.

A step that runs again, because its process was killed between the answer and the checkpoint, finds
the answers that it had, so that no call is paid twice. That does not need the answer cache, which
keeps answers over runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from threading import Lock
from typing import Any, Protocol

from geofix.tools.models.privacy import Outbound

Calls = list[dict[str, Any]]


class AnswerStore(Protocol):
    """Where answers are kept, `geofix.db.runs.Trail` outside tests."""

    def kept_answer(self, task_id: str, request: str, number: int) -> str | None:
        """Return the answer to the n-th equal request of a task; none if none is kept."""
        ...

    def keep_answer(self, task_id: str, request: str, number: int, answer: str) -> None:
        """Keep it."""
        ...


class Outgoing:
    """The outgoing calls of one step, in order; safe to use from several threads."""

    def __init__(
        self, write: Callable[[Outbound], None], task_id: str, answers: AnswerStore
    ) -> None:
        """Begin with none.

        Args:
            write: Writes down that a call is about to be made; what it raises stops the call.
            task_id: LangGraph's id of the task, which stays the same when the step runs again.
            answers: Where the answers are kept.
        """
        self.calls: Calls = []
        self._write = write
        self._task_id = task_id
        self._answers = answers
        self._asked: Counter[str] = Counter()
        self._lock = Lock()

    def announce(self, call: Outbound) -> None:
        """Note a call before it is made."""
        with self._lock:
            self.calls.append({**asdict(call), "said": str(call)})
            self._write(call)

    def ask_kept(self, request: str) -> tuple[int, str | None]:
        """Return which of several equal requests this one is, and its answer if that is kept.

        Args:
            request: Digest of all that shapes the answer.
        """
        with self._lock:
            number = self._asked[request]
            self._asked[request] += 1
        return number, self._answers.kept_answer(self._task_id, request, number)

    def keep(self, request: str, number: int, answer: str) -> None:
        """Keep the answer to a request."""
        self._answers.keep_answer(self._task_id, request, number, answer)


_CURRENT: ContextVar[Outgoing | None] = ContextVar("outgoing", default=None)


@contextmanager
def collected(outgoing: Outgoing) -> Iterator[None]:
    """Collect the calls that are made inside in `outgoing`."""
    token = _CURRENT.set(outgoing)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def outgoing() -> Outgoing:
    """Return where the calls of the step that is running are collected.

    Raises:
        RuntimeError: No step runs here, so that nothing would be kept of a call.
    """
    current = _CURRENT.get()
    if current is None:
        raise RuntimeError("a model would be called outside any step of the trail")
    return current
