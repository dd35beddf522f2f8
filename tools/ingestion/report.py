"""Counts the photos of a load, reports its progress, and writes rejected photos to a file."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self, TextIO

from geofix.db.plain_text import visible
from geofix.tools.errors import SourceError
from geofix.tools.sources.protocol import Rejected

SHOWN = 20
"""Maximum number of rejected photos in a report; the file has all of them."""

PAUSE_S = 0.1
"""Minimum time between two calls of `advance`."""

WINDOW_S = 30
"""The rate covers this many seconds, because photos that are already stored go much faster."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a load."""

    done: int
    """Number of photos stored, unchanged or rejected."""
    total: int | None
    """Number of photos; None if it is not known before the end."""
    rate_per_s: float
    """Recent photos per second."""
    rest_s: float | None
    """Remaining seconds at that rate; None if unknown."""
    rejected: int


@dataclass
class IngestionReport:
    """The result of a load; every photo is counted once."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    first_rejects: list[Rejected] = field(default_factory=list)
    """At most `SHOWN` rejected photos."""
    rejects_path: Path | None = None
    """File with all rejected photos, as JSON lines with `item` and `reason`."""
    workers_lost: int = 0
    """Number of worker processes that died; other processes read their photos again."""

    @property
    def done(self) -> int:
        """How many photos were counted."""
        return self.added + self.updated + self.unchanged + self.rejected


class Tally:
    """Makes the report of one load, and reports progress. Use it as a context manager."""

    def __init__(
        self, total: int | None, advance: Callable[[Progress], None], rejects: Path | None
    ) -> None:
        """Start counting.

        Args:
            total: Number of photos; None if unknown.
            advance: Called with the progress, and once more at the end.
            rejects: File for rejected photos, which is overwritten: every run rejects them again.

        Raises:
            SourceError: The file cannot be written.
        """
        self.report = IngestionReport(rejects_path=rejects)
        self._total = total
        self._advance = advance
        self._told = time.monotonic()
        self._ticks = deque([(self._told, 0)])
        self._file = None if rejects is None else _opened(rejects)
        # A load on a cluster lists its photos in a thread.
        self._lock = RLock()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell the end and close the file."""
        try:
            self._advance(self._progress(time.monotonic()))
        finally:
            if self._file is not None:
                self._file.close()

    def reject(self, item: str, reason: str) -> None:
        """Count a rejected photo, and write it to the file at once."""
        with self._lock:
            self.report.rejected += 1
            if len(self.report.first_rejects) < SHOWN:
                self.report.first_rejects.append(Rejected(item, reason))
            if self._file is not None:
                self._file.write(json.dumps({"item": item, "reason": reason}) + "\n")
            self._tell()

    def count(self, *, added: int = 0, updated: int = 0, unchanged: int = 0) -> None:
        """Count photos that are stored."""
        with self._lock:
            self.report.added += added
            self.report.updated += updated
            self.report.unchanged += unchanged
            self._tell()

    def lost_worker(self) -> None:
        """Count a worker process that died."""
        self.report.workers_lost += 1

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told >= PAUSE_S:
            self._told = now
            self._advance(self._progress(now))

    def _progress(self, now: float) -> Progress:
        done = self.report.done
        if now - self._ticks[-1][0] >= 1:
            self._ticks.append((now, done))
        while len(self._ticks) > 1 and now - self._ticks[0][0] > WINDOW_S:
            self._ticks.popleft()
        since, before = self._ticks[0]
        rate_per_s = (done - before) / (now - since) if now > since else 0.0
        rest_s = None
        if self._total is not None and rate_per_s > 0:
            rest_s = max(0, self._total - done) / rate_per_s
        return Progress(done, self._total, rate_per_s, rest_s, self.report.rejected)


def _opened(path: Path) -> TextIO:
    try:
        # A line is on its way to the disk as soon as it is written: a kill loses none.
        return path.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        raise SourceError(
            f"the file of rejected photos {str(path)!r} cannot be written: {error.strerror}."
            " Choose another"
        ) from error


def rejected_lines(report: IngestionReport) -> Iterator[str]:
    """Yield one line for each of the first rejected photos, with control characters escaped."""
    for item, reason in ((rejected.item, rejected.reason) for rejected in report.first_rejects):
        shown, reason = visible(item), visible(reason)
        named = item if item == shown else f"'{shown}'"
        yield f"rejected: {reason}" if shown in reason else f"rejected {named}: {reason}"
