"""What becomes of a collection's photos: counted, told as it goes, and written down if left out."""

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
"""Photos left out that a report keeps; the file has all of them."""

PAUSE_S = 0.1
"""Least time between two calls of `advance`: a terminal redraws no faster."""

WINDOW_S = 30
"""The rate is that of the last so many seconds: what was stored before goes by much faster."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is."""

    done: int
    """Photos stored, unchanged or left out."""
    total: int | None
    """None where nobody knows before the end."""
    rate_per_s: float
    """Photos a second of late."""
    rest_s: float | None
    """Seconds to go at that rate; None where they cannot be told."""
    rejected: int


@dataclass
class IngestionReport:
    """What became of a collection's photos; every one is counted once."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    first_rejects: list[Rejected] = field(default_factory=list)
    """At most `SHOWN` of those left out."""
    rejects_path: Path | None = None
    """The file that has all of them, as JSON lines with `item` and `reason`."""
    workers_lost: int = 0
    """How often a worker process was killed or crashed; its photos were read once more."""

    @property
    def done(self) -> int:
        """How many photos were counted."""
        return self.added + self.updated + self.unchanged + self.rejected


class Tally:
    """Keeps the report of one load and tells how far it is. Use as a context manager."""

    def __init__(
        self, total: int | None, advance: Callable[[Progress], None], rejects: Path | None
    ) -> None:
        """Begin at nothing.

        Args:
            total: How many photos there are; None where nobody knows.
            advance: Called with how far the load is, and once more at its end.
            rejects: File for those left out, overwritten: a run again leaves the same ones out.

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
        """Count a photo that is left out, and write it down at once."""
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
    """Give one line for each of the first photos left out, whatever its name holds."""
    for item, reason in ((rejected.item, rejected.reason) for rejected in report.first_rejects):
        shown, reason = visible(item), visible(reason)
        named = item if item == shown else f"'{shown}'"
        yield f"rejected: {reason}" if shown in reason else f"rejected {named}: {reason}"
