"""The weights of one model: read once, at first use, used by one thread at a time, let go."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geofix.tools.transformers_chat.loading import Loaded


class BusyError(TimeoutError):
    """The model was busy with other questions until the time was over."""


class Weights:
    """Shared by all copies of a chat model, whatever their temperature."""

    def __init__(self, load: Callable[[], Loaded]) -> None:
        """Prepare; nothing is read.

        Args:
            load: Reads the weights.
        """
        self._load = load
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None

    @property
    def loaded(self) -> Loaded | None:
        """What is in memory, if anything is."""
        return self._loaded

    @contextmanager
    def in_use(self, deadline: float | None) -> Iterator[Loaded]:
        """Give the model to this thread alone; the first to come waits while it is read.

        Args:
            deadline: Until when to wait for others, on the clock of `time.monotonic`.

        Raises:
            BusyError: The deadline came first.
            ModelError: The model cannot be loaded.
        """
        left = -1.0 if deadline is None else max(0.0, deadline - time.monotonic())
        if not self._lock.acquire(timeout=left):
            raise BusyError("the model was busy with other questions until the time was over")
        try:
            if self._loaded is None:
                self._loaded = self._load()
            yield self._loaded
        finally:
            self._lock.release()

    def close(self) -> None:
        """Let the memory go, once who uses it has ended; the next use reads the weights again."""
        with self._lock:
            if self._loaded is None:
                return
            self._loaded = None
            gc.collect()
            # Imported by whoever loaded the weights.
            import torch  # noqa: PLC0415

            if torch.cuda.is_available():
                torch.cuda.empty_cache()
