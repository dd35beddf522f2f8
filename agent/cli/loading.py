"""What a load shows while it runs: how many, how fast, how long still, how many left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from geofix.agent.cli.terminal import err
from geofix.db.plain_text import visible

if TYPE_CHECKING:
    from geofix.tools.ingestion import Progress


@contextmanager
def following() -> Iterator[tuple[Callable[[str], None], Callable[[Progress], None]]]:
    """Show a bar; give one function for lines that replace its name, and one for how far it is."""
    bars = Bars(
        # Names stand in the description, and are not to be taken for markup.
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[far]}"),
        console=err(),
    )
    with bars:
        task = bars.add_task("ingesting", total=None, far="")

        def say(line: str) -> None:
            bars.update(task, description=visible(line))

        def advance(progress: Progress) -> None:
            bars.update(
                task,
                description="ingesting",
                total=progress.total,
                completed=progress.done,
                far=describe(progress),
            )

        yield say, advance


def describe(progress: Progress) -> str:
    """Say how far a load is: `1,200 of 5,000, 85/s, 0:00:45 to go, 3 left out`."""
    parts = [f"{progress.done:,}"]
    if progress.total is not None:
        parts[0] += f" of {progress.total:,}"
    parts.append(f"{progress.rate_per_s:,.0f}/s")
    if progress.rest_s is not None:
        parts.append(f"{timedelta(seconds=round(progress.rest_s))} to go")
    if progress.rejected:
        parts.append(f"{progress.rejected:,} left out")
    return ", ".join(parts)
