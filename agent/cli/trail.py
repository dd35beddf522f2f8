"""`geofix trail` and `geofix runs`: show the steps of a run, and list runs."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from geofix.agent.cli.options import JsonFlag, RunId, open_storage
from geofix.agent.cli.terminal import escaped, out, say

if TYPE_CHECKING:
    from geofix.db.runs import Run, Step


def show_trail(run: RunId, json: JsonFlag = False) -> None:
    """Show every step of a run."""
    with open_storage() as storage:
        read = storage.trail.read(run)
    if json:
        say(json_format.dumps(asdict(read), indent=2, default=str))
    else:
        _print(read, out())


def list_runs(
    count: Annotated[int, typer.Option(min=1, help="Maximum number of runs.")] = 20,
    json: JsonFlag = False,
) -> None:
    """List the latest runs."""
    with open_storage() as storage:
        runs = storage.trail.latest(count)
    if json:
        say(json_format.dumps([asdict(run) for run in runs], indent=2, default=str))
        return
    table = Table(box=None)
    # An id that was cut could not be copied.
    table.add_column("run", no_wrap=True, min_width=36)
    for column in ("started (UTC)", "photo", "answer"):
        table.add_column(column)
    for run in runs:
        table.add_row(
            escaped(run.id),
            f"{run.started_at:%Y-%m-%d %H:%M}",
            (run.photo_sha256 or "")[:8],
            _end(run),
        )
    out().print(table if runs else "There is no run yet.")
    if any(run.settled is None for run in runs):
        out().print("[dim]Go on with a run that is not finished: geofix resume RUN[/]")


def _print(run: Run, console: Console) -> None:
    console.print(
        f"[bold]Run {escaped(run.id)}[/]  photo sha256 {run.photo_sha256}", soft_wrap=True
    )
    if run.thread != run.id:
        console.print(f"[dim]thread {escaped(run.thread)}[/]")
    if run.parent_run is not None:
        console.print(f"[dim]forked from the run {escaped(run.parent_run)}[/]")
    setup = ", ".join(f"{name} {value}" for name, value in run.setup.items())
    console.print(f"[dim]{escaped(setup)}; options {escaped(json_format.dumps(run.question))}[/]")
    table = Table(box=None)
    for column in ("round", "step", "ms", "what"):
        table.add_column(column, overflow="fold")
    for step in run.steps:
        what = "".join(f"[dim]{escaped(_earlier(one))}[/]\n" for one in step.earlier)
        what += escaped(step.error or step.summary)
        for reason in step.degraded:
            what += f"\n[yellow]degraded: {escaped(reason)}[/]"
        table.add_row(str(step.round + 1), step.node, f"{step.took_ms:.0f}", what)
    console.print(table)
    console.print(f"[bold]Answer[/] {_end(run)}")
    if run.settled is None:
        console.print(f"[dim]Go on with it: geofix resume {escaped(run.id)}[/]")
    console.print(f"[dim]Everything each step saw: geofix trail {escaped(run.id)} --json[/]")


def _earlier(step: Step) -> str:
    """Say how an attempt ended that was not the last."""
    how = {"failed": step.error, "done": "done, and its process was killed"}
    return f"attempt {step.attempt}: {how.get(step.outcome) or 'its process was killed'}"


def _end(run: Run) -> str:
    settled = run.settled
    if settled is None:
        return "not finished"
    if settled["status"] != "located":
        return str(settled["status"])
    from geofix.agent.answer import Code, Place, format_coordinates  # noqa: PLC0415 - see `options`
    from geofix.agent.fix.naming import no_finer  # noqa: PLC0415

    radius_km = settled["radius_km"] or 0.0
    known = settled["place"] and no_finer(Place.model_validate(settled["place"]), radius_km)
    where = format_coordinates(settled["latitude"], settled["longitude"], radius_km=radius_km)
    said = where if known is None else f"{escaped(known.label)} ({where})"
    guessed = any(_code(one) == Code.BEST_GUESS for one in settled.get("degraded", ()))
    return f"a guess: {said}" if guessed else said


def _code(reason: object) -> str | None:
    """Return the code of a stored reason; earlier versions stored texts alone."""
    return str(reason["code"]) if isinstance(reason, dict) else None
