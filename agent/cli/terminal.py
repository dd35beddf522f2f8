"""How the commands print, exit, are interrupted and write files; nothing printed is markup."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Final, NoReturn, TypeVar

from rich.console import Console
from rich.markup import escape

from geofix.agent.errors import GeofixError, PhotoError, RegionError, SourceError, TrailError
from geofix.db.plain_text import visible

ABSTAINED: Final = 3
BAD_INPUT: Final = 4
SET_UP: Final = 5
REJECTED: Final = 6
CANNOT_DRAFT: Final = 7
INTERRUPTED: Final = 130
PIPE: Final = 141
"""What a shell reports of a program whose reader went away (128 + SIGPIPE)."""

EXPLAINED = (
    "Exit codes: 0 done, a position was found; 1 a fault in geofix; 2 a wrong command line;"
    f" {ABSTAINED} no position: abstained, or waiting for a person; {BAD_INPUT} the photo, the"
    f" table, the region or the run is unusable; {SET_UP} the database, the gallery, the encoder"
    f" or the model is not set up; {REJECTED} a photo was left out of a gallery;"
    f" {CANNOT_DRAFT} the model that was checked cannot draft;"
    f" {INTERRUPTED} interrupted: `geofix resume RUN` goes on."
)


def exit_code(error: GeofixError) -> int:
    """Return what a shell is told of an error raised on purpose."""
    asked_wrongly = isinstance(error, PhotoError | RegionError | SourceError | TrailError)
    return BAD_INPUT if asked_wrongly else SET_UP


class Terminal(Console):
    """A console that ends quietly where the reader has gone, as with `| head -1`."""

    def on_broken_pipe(self) -> NoReturn:
        """Let nothing more be written, and say by the exit code why."""
        try:
            super().on_broken_pipe()
        finally:
            raise SystemExit(PIPE)


def out() -> Terminal:
    """Return the console for answers: standard output."""
    return Terminal(highlight=False, emoji=False)


def err() -> Terminal:
    """Return the console for progress and errors: standard error."""
    return Terminal(stderr=True, highlight=False, emoji=False)


def say(text: str) -> None:
    """Print lines to standard output: not wrapped, not colored, and nothing in them steers."""
    out().out("\n".join(visible(line) for line in text.split("\n")), highlight=False)


def degraded(reason: str) -> str:
    """Return the markup of a line that says why an answer is less than it could be."""
    return f"[yellow]Degraded: {plain(reason)}[/]"


def plain(text: str) -> str:
    """Return a stranger's text fit to stand inside markup; what cannot be printed is escaped."""
    return escape(visible(text))


def kilometers(distance_km: float) -> str:
    """Return a distance with its unit."""
    if distance_km < 1:
        return f"{distance_km * 1000:.0f} m"
    return f"{distance_km:.1f} km" if distance_km < 100 else f"{distance_km:,.0f} km"


def count(number: int, noun: str) -> str:
    """Return so many of something."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def why_not_writable(path: Path) -> str | None:
    """Return why `path` cannot be written; none if it can. Leaves no trace."""
    try:
        if path.exists() and not path.is_file():
            return "it is there and is no file"
        partial = _partial(path)
        # Tried rather than asked: for root every folder looks writable.
        partial.touch()
        partial.unlink()
    except OSError as error:
        return f"{error.strerror}; give a file in a folder that is there and may be written"
    return None


def write_whole(path: Path, text: str, *, private: bool = False) -> None:
    """Write `text` in UTF-8; a file of that name is replaced, a link to one is kept.

    Args:
        path: Of the file.
        text: All of it.
        private: Whether nobody but this user may read it (mode 0600), from the first byte on.

    Raises:
        GeofixError: It cannot be written; what was there before is still there.
    """
    partial = _partial(path)
    try:
        if private:
            # What a killed process left may be open to others.
            partial.unlink(missing_ok=True)
            partial.touch(mode=0o600, exist_ok=False)
        partial.write_text(text, encoding="utf-8", newline="" if private else None)
        partial.replace(path.resolve())
    except OSError as error:
        raise GeofixError(f"cannot write {str(path)!r}: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def _partial(path: Path) -> Path:
    target = path.resolve()
    return target.with_name(f".{target.name}.{os.getpid()}.partial")


ResultT = TypeVar("ResultT")


def interruptible(work: Callable[[], ResultT]) -> ResultT:
    """Return what `work` returns, or raise what it raises, or KeyboardInterrupt at any time.

    LangGraph runs a node in a thread and, interrupted, waits for its end: two minutes where a model
    or a lock keeps it. So all of it is done in a thread that may be left behind. A run loses no
    more by that than by being killed: it goes on at the node it was in.
    """
    future: Future[ResultT] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="geofix", daemon=True).start()
    return future.result()


def leave_interrupted() -> NoReturn:
    """End the process without waiting for what it left behind; all that must be closed is."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)
