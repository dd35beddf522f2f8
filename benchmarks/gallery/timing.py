"""How long each of a series of questions took, with what it answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Question = TypeVar("Question")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Timed(Generic[Answer]):
    """Answers, and the milliseconds each took."""

    answers: list[Answer]
    took_ms: list[float]

    @property
    def median_ms(self) -> float:
        """The middle one."""
        return float(np.median(self.took_ms))

    @property
    def p95_ms(self) -> float:
        """Nineteen of twenty took no longer."""
        return float(np.percentile(self.took_ms, 95))


def timed(
    questions: Iterable[Question], ask: Callable[[Question], Answer], *, warm_up: int | None = None
) -> Timed[Answer]:
    """Ask one question after another, warm.

    Args:
        questions: What is asked.
        ask: Answers one.
        warm_up: How many of the questions are asked once before, untimed; all by default. Of a
            million rows just indexed, 200 questions first read most of what they need from disk.
    """
    asked = list(questions)
    for question in asked[:warm_up]:
        ask(question)
    answers, took_ms = [], []
    for question in asked:
        start = time.perf_counter()
        answers.append(ask(question))
        took_ms.append((time.perf_counter() - start) * 1000)
    return Timed(answers, took_ms)
