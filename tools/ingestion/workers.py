"""Decodes photos in worker processes, in order, and survives the death of a worker."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Self, TypeVar

from geofix.db.errors import GeofixError
from geofix.tools.ingestion.decoding import (
    Outcome,
    Task,
    Undecodable,
    begin,
    decode,
    from_safe_paths,
)

T = TypeVar("T")

MOST_WORKERS = 16
"""Workers by default; one decodes some 30 to 100 photos a second."""


def default_workers() -> int:
    """Say how many processes decode if nobody says: one a core this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(MOST_WORKERS, cores)


class Workers:
    """Processes that decode. Use as a context manager: leaving it ends them."""

    def __init__(self, count: int, ahead: int, lost: Callable[[], None]) -> None:
        """Start nothing yet: processes start with the first pictures.

        Args:
            count: How many; 0 or 1 decode in this process.
            ahead: Pictures decoded and not asked for yet, at most, besides those being decoded.
            lost: Called when a worker died.
        """
        self._count = count
        self._most = ahead + count
        self._lost = lost
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the processes; pictures that nobody has begun are dropped."""
        self._end()

    def decode_all(self, jobs: Iterable[tuple[T, Task]]) -> Iterator[tuple[T, Outcome]]:
        """Decode pictures, in the order they came.

        Args:
            jobs: What the caller knows a picture by, and what is wanted of it.

        Raises:
            GeofixError: No worker process can be started.
        """
        if self._count <= 1:
            for job, task in jobs:
                yield job, decode(task)
            return
        flight: deque[tuple[T, Task, Future[Outcome]]] = deque()
        for job, task in jobs:
            flight.append((job, task, self._submit(task)))
            if len(flight) >= self._most:
                yield self._first(flight)
        while flight:
            yield self._first(flight)

    def _first(self, flight: deque[tuple[T, Task, Future[Outcome]]]) -> tuple[T, Outcome]:
        job, _, future = flight[0]
        try:
            outcome = future.result()
        except BrokenProcessPool:
            self._rescue(flight)
            outcome = flight[0][2].result()
        flight.popleft()
        return job, outcome

    def _rescue(self, flight: deque[tuple[T, Task, Future[Outcome]]]) -> None:
        """Decode what a dead worker took along, one by one: nobody knows whose fault it was."""
        self._lost()
        self._end()
        for at, (job, task, future) in enumerate(flight):
            if _is_lost(future):
                flight[at] = (job, task, self._alone(task))

    def _alone(self, task: Task) -> Future[Outcome]:
        future = self._submit(task)
        if _is_lost(future):
            self._lost()
            self._end()
            future = Future()
            future.set_result(
                Undecodable(
                    "a process died twice while reading it, because a decoder crashed or memory"
                    " ran out; save it as a new or smaller JPEG"
                )
            )
        return future

    def _submit(self, task: Task) -> Future[Outcome]:
        if self._pool is None:
            self._pool = self._started()
        try:
            # A task may start a process.
            with from_safe_paths():
                return self._pool.submit(decode, task)
        except BrokenProcessPool as error:
            future: Future[Outcome] = Future()
            future.set_exception(error)
            return future

    def _started(self) -> ProcessPoolExecutor:
        # Spawned, since a fork of a process with threads (torch, psycopg) may hang in a lock.
        pool = ProcessPoolExecutor(self._count, get_context("spawn"), initializer=begin)
        try:
            with from_safe_paths():
                pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise GeofixError(
                f"{self._count!r} worker processes died as soon as they were started. A script"
                " that ingests needs `if __name__ == '__main__':`; or use 1 worker"
            ) from error
        return pool

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _is_lost(future: Future[Outcome]) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)
