"""Storing beside embedding: one thread that writes batches in the order they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from geofix.db.ingest import Added

DEPTH = 2
"""Batches under way at most: one is being written and one waits."""


class Writer:
    """Writes in a thread of its own. Use as a context manager: leaving it waits for the rest."""

    def __init__(self) -> None:
        """Nothing is started before the first batch."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="geofix-write")
        self._under_way: deque[tuple[Future[Added], Callable[[Added], None]]] = deque()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is under way, and settle it if nothing failed."""
        try:
            if error is None:
                self.settle(wait=True)
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def put(self, store: Callable[[], Added], stored: Callable[[Added], None]) -> None:
        """Have a batch stored; waits while `DEPTH` are under way.

        Args:
            store: Called in the thread.
            stored: Called in the caller's thread with what `store` gave, at a later `put` or
                `settle`.

        Raises:
            GeofixError: What an earlier batch raised.
        """
        self.settle()
        while len(self._under_way) >= DEPTH:
            self._settle_first()
        self._under_way.append((self._thread.submit(store), stored))

    def settle(self, *, wait: bool = False) -> None:
        """Call `stored` for the batches that are in, and with `wait` for all."""
        while self._under_way and (wait or self._under_way[0][0].done()):
            self._settle_first()

    def _settle_first(self) -> None:
        future, stored = self._under_way.popleft()
        stored(future.result())
