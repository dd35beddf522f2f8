"""Ask all shards at once, each over a connection of its own, in a thread of its own.

Measured against one statement over postgres_fdw on the same shards: see docs/scaling.md.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Generic, TypeVar

from geofix.db.errors import ShardError
from geofix.db.servers import Server

Answer = TypeVar("Answer")

THREADS = "geofix-shard"
"""Name of the threads, one a shard and question."""


class FanOut(Generic[Answer]):
    """One question, on its way to all shards."""

    def __init__(self, shards: list[Server], ask: Callable[[Server], Answer]) -> None:
        """Ask; nothing is waited for yet.

        Args:
            shards: Whom.
            ask: Asks one of them; called in a thread, where it may raise `ShardError`.
        """
        self._names = [shard.name for shard in shards]
        self._answers: SimpleQueue[tuple[str, Answer | Exception]] = SimpleQueue()
        for shard in shards:
            # Not a pool's: those are waited for at exit, also for a shard that hangs.
            Thread(target=self._ask, args=(shard, ask), name=THREADS, daemon=True).start()

    def answers(self, timeout_s: float) -> tuple[dict[str, Answer], dict[str, str]]:
        """Return the answers by shard, and why the other shards gave none.

        Args:
            timeout_s: How long to wait for all of them together.
        """
        until = monotonic() + timeout_s
        answered: dict[str, Answer] = {}
        missing: dict[str, str] = {}
        while len(answered) + len(missing) < len(self._names):
            try:
                name, answer = self._answers.get(timeout=max(0.0, until - monotonic()))
            except Empty:
                silent = set(self._names) - set(answered) - set(missing)
                missing |= {one: f"no answer within {timeout_s:g} s" for one in silent}
                break
            if isinstance(answer, ShardError):
                missing[name] = answer.reason
            elif isinstance(answer, Exception):
                raise answer
            else:
                answered[name] = answer
        return {name: answered[name] for name in self._names if name in answered}, missing

    def _ask(self, shard: Server, ask: Callable[[Server], Answer]) -> None:
        try:
            self._answers.put((shard.name, ask(shard)))
        except Exception as error:
            # Raised again in the thread that waits.
            self._answers.put((shard.name, error))
