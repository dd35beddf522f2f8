"""How the commands print: nothing of a photo or a gallery is taken for markup, emoji or control."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from geofix.agent.cli import exits
from geofix.db.plain_text import visible


class Terminal(Console):
    """A console that ends quietly where the reader has gone, as with `| head -1`."""

    def on_broken_pipe(self) -> NoReturn:
        """Let nothing more be written, and say by the exit code why."""
        try:
            super().on_broken_pipe()
        finally:
            raise SystemExit(exits.PIPE)


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
