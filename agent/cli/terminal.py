"""Output, exit codes, interruption and file writing of the commands."""

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
from rich.status import Status

from geofix.agent.errors import (
    GeofixError,
    OptionError,
    PhotoError,
    RegionError,
    SourceError,
    TrailError,
)
from geofix.db.plain_text import visible

ABSTAINED: Final = 3
BAD_INPUT: Final = 4
SET_UP: Final = 5
REJECTED: Final = 6
CANNOT_DRAFT: Final = 7
INTERRUPTED: Final = 130
PIPE: Final = 141
"""Exit code of a program whose output is no longer read (128 + SIGPIPE)."""

EXPLAINED = (
    f"Exit codes: 0 success; 1 a bug in geofix; 2 a wrong command line; {ABSTAINED} no position,"
    f" because geofix abstained or waits for a person; {BAD_INPUT} the photo, the table, the"
    f" region, an option or the run cannot be used; {SET_UP} the database, the gallery,"
    f" the encoder or the model is not set up; {REJECTED} a photo was rejected by `gallery ingest`;"
    f" {CANNOT_DRAFT} the checked model cannot draft answers; {INTERRUPTED} interrupted, and"
    " `geofix resume RUN` continues."
)

ASKED_WRONGLY = (PhotoError, RegionError, OptionError, SourceError, TrailError)


def exit_code(error: GeofixError) -> int:
    """Return the exit code of an error."""
    return BAD_INPUT if isinstance(error, ASKED_WRONGLY) else SET_UP


class Terminal(Console):
    """A console that ends quietly when nobody reads it any more, as with `| head -1`."""

    def on_broken_pipe(self) -> NoReturn:
        """Exit with `PIPE`."""
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
    """Print lines to standard output without wrapping, color or control characters."""
    out().out("\n".join(visible(line) for line in text.split("\n")), highlight=False)


def agreed_to(plan: str, status: Status, *, asks: bool) -> bool:
    """Show a plan on standard error, and ask whether to begin.

    Args:
        plan: Its text.
        status: What is shown meanwhile; it goes on if there is consent.
        asks: Whether to ask; else showing it is enough.
    """
    status.stop()
    err().out(plan, highlight=False)
    if asks:
        # A prompt of typer's writes to standard output, where nothing but the answer belongs.
        err().print("Begin? y/N ", end="", markup=False)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            return False
    status.start()
    return True


def degraded(reason: str) -> str:
    """Return the markup of a line that tells what a run could not do as asked."""
    return f"[yellow]Degraded: {escaped(reason)}[/]"


def escaped(text: str) -> str:
    """Return text from outside, escaped for markup and for the terminal."""
    return escape(visible(text))


def count(number: int, noun: str) -> str:
    """Return a number with its noun, singular or plural."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def why_not_writable(path: Path) -> str | None:
    """Return why `path` cannot be written, or none if it can. Nothing is left behind."""
    try:
        if path.exists() and not path.is_file():
            return "it exists and is not a file"
        partial = _partial(path)
        # Tried rather than asked: for root every folder looks writable.
        partial.touch()
        partial.unlink()
    except OSError as error:
        return f"{error.strerror}; choose a file in a folder that exists and that you may write to"
    return None


def write_whole(path: Path, text: str, *, private: bool = False) -> None:
    """Write `text` as UTF-8 in one step, so that a failure leaves the old file unchanged.

    Args:
        path: The file. An existing file is replaced; a link is followed.
        text: The whole content.
        private: Whether only this user can read the file (mode 0600), from its creation on.

    Raises:
        GeofixError: The file cannot be written.
    """
    partial = _partial(path)
    try:
        if private:
            # A file that a killed process left may be readable by others.
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
    """Run `work` so that Ctrl-C always works; return its result or raise its error.

    LangGraph runs a node in a thread and, when interrupted, waits for that thread to end, which can
    take two minutes. So all work is done in a thread that can be abandoned. The run continues
    later at the node it was in, as after a kill.
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
    """End the process without waiting for its threads; everything that must be closed is closed."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)
