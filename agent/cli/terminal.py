"""How the commands print: nothing of a photo or a gallery is taken for markup, emoji or control."""

from __future__ import annotations

import unicodedata
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from geofix.agent.cli import exits


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
    """Print to standard output as it is: not wrapped, not colored, not interpreted."""
    out().out(text, highlight=False)


def degraded(reason: str) -> str:
    """Return the markup of a line that says why an answer is less than it could be."""
    return f"[yellow]Degraded: {plain(reason)}[/]"


def plain(text: str) -> str:
    """Return a stranger's text fit to stand inside markup; what cannot be printed is escaped."""
    return escape(visible(text))


def visible(text: str) -> str:
    """Return text on one line, with what could steer a terminal written out."""
    steers = {"Cc", "Cs", "Zl", "Zp"}
    return "".join(
        repr(sign)[1:-1] if unicodedata.category(sign) in steers else sign for sign in text
    )
