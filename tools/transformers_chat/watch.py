"""When to stop before the answer is complete: at a deadline, or when nobody listens any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import torch
from torch import Tensor


class Watch:
    """A stopping criterion of transformers that also passes each token on.

    It is asked between tokens: one forward pass, the prompt's above all, is never cut short.
    """

    def __init__(
        self, deadline: float | None, on_tokens: Callable[[list[int]], None] | None = None
    ) -> None:
        """Begin.

        Args:
            deadline: On the clock of `time.monotonic`, seconds.
            on_tokens: Hears the token each sample was given, one call a step.
        """
        self.thinking = False
        """Whether what comes is thought before the answer."""
        self._late = False
        self._deadline = deadline
        self._on_tokens = on_tokens
        self._cancelled = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether it ended before the answer did."""
        return self._late or self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop after the next token; from any thread."""
        self._cancelled.set()

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: object) -> Tensor:
        """Return for each sample whether it is to stop, `[samples]`."""
        if self._on_tokens is not None:
            self._on_tokens(input_ids[:, -1].tolist())
        self._late = self._deadline is not None and time.monotonic() >= self._deadline
        count, where = len(input_ids), input_ids.device
        return torch.full((count,), self.stopped, dtype=torch.bool, device=where)
