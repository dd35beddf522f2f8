"""Markdown tables, printed as each part ends and once more all together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

Cell = str | float | int | None


@dataclass
class Table:
    """One table of results."""

    title: str
    head: Sequence[str]
    rows: list[Sequence[Cell]] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        """Add a row, and say it at once: a run at a million takes long."""
        self.rows.append(cells)
        say("  " + " | ".join(written(cell) for cell in cells))

    def markdown(self) -> str:
        """Return it as Markdown."""
        lines = [f"### {self.title}", ""]
        lines += [_line(self.head), _line(["---"] * len(self.head))]
        lines += [_line([written(cell) for cell in row]) for row in self.rows]
        return "\n".join(lines) + "\n"


def written(cell: Cell) -> str:
    """Write a figure with about three digits that count; nothing for none."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        if abs(cell) >= 100:
            return f"{cell:,.0f}"
        return f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.3f}".rstrip("0").rstrip(".")
    return f"{cell:,d}" if isinstance(cell, int) else cell


def ratio(ours: float, peer: float) -> str:
    """Write how many times the peer's figure ours is."""
    return f"x{ours / peer:.3g}"


def say(line: str) -> None:
    """Print a line now, whatever standard output is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
