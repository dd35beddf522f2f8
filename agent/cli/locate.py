"""`geofix locate` and `geofix resume`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.status import Status

from geofix.agent.cli.render import print_fix
from geofix.agent.errors import GeofixError
from geofix.agent.settings import Settings
from geofix.agent.state import Fix

EXIT_ABSTAINED = 3

VERBS = {
    "embed": "looking at the photo",
    "retrieve": "searching the gallery",
    "draft": "drafting",
    "verify": "verifying",
    "refine": "choosing a finer region",
    "review": "waiting for a person",
    "settle": "settling",
}
"""What a node does, for somebody who waits."""

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
GeojsonFile = Annotated[
    Path | None, typer.Option("--geojson", help="Write the fix as GeoJSON to this file.")
]


def locate_photo(
    photo: Annotated[
        Path | None, typer.Argument(help="The photo; without one, the sample photo.")
    ] = None,
    json: JsonFlag = False,
    geojson: GeojsonFile = None,
    within: Annotated[
        str | None,
        typer.Option(help="Where the answer may lie: a country (France, FR) or LAT,LON,KM."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Draft by this model, as provider:model; GEOFIX_MODEL otherwise."),
    ] = None,
    gallery: Annotated[
        list[str] | None, typer.Option(help="Search this gallery only; may be given again.")
    ] = None,
    thread: Annotated[
        str | None, typer.Option(help="Id of the run; one that was cut off goes on.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds of retrieval at most.")] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Stop for a person where candidates stay close.")
    ] = False,
) -> None:
    """Find out where a photo was taken."""
    from geofix.agent.facade import open_agent  # noqa: PLC0415 - `--help` need not load LangGraph
    from geofix.tools.samples import sample_path  # noqa: PLC0415

    settings = Settings.from_environment()
    if model is not None:
        settings = settings.model_copy(update={"model": model})
    options: dict[str, Any] = {"galleries": tuple(gallery or ()), "ask_human": ask}
    if rounds is not None:
        options["max_rounds"] = rounds
    _require_writable(geojson)
    asked = sample_path() if photo is None else photo
    with _status("starting") as status, open_agent(settings, progress=status.update) as agent:
        fix = agent.locate(
            asked,
            within=within,
            thread_id=thread,
            on_event=lambda event: _follow(status, event),
            **options,
        )
    _finish(fix, json, geojson)


def resume_run(
    run: Annotated[str, typer.Argument(help="Id of the run.")],
    pick: Annotated[
        int | None, typer.Option(help="The candidate a person chose, by its number.")
    ] = None,
    json: JsonFlag = False,
    geojson: GeojsonFile = None,
) -> None:
    """Go on with a run that was cut off, or that waits for a person."""
    from geofix.agent.facade import open_agent  # noqa: PLC0415 - `--help` need not load LangGraph

    _require_writable(geojson)
    with _status("starting") as status, open_agent(progress=status.update) as agent:
        fix = agent.resume(run, rank=pick, on_event=lambda event: _follow(status, event))
    _finish(fix, json, geojson)


def _status(text: str) -> Status:
    return Console(stderr=True).status(text)


def _follow(status: Status, event: dict[str, Any]) -> None:
    if event["event"] == "started":
        again = f" (round {event['round'] + 1})" if event["round"] else ""
        status.update(VERBS[event["node"]] + again)


def _require_writable(path: Path | None) -> None:
    """Refuse now, not after the work is done."""
    if path is None:
        return
    folder = path.parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise GeofixError(f"cannot write {str(path)!r}; give a file in a folder that is there")


def _finish(fix: Fix, json: bool, geojson: Path | None) -> None:
    if geojson is not None:
        from json import dumps  # noqa: PLC0415 - the option of that name shadows the module

        partial = geojson.with_name(geojson.name + ".partial")
        partial.write_text(dumps(fix.geojson, indent=2) + "\n", encoding="utf-8")
        partial.replace(geojson)
    if json:
        typer.echo(fix.model_dump_json(indent=2))
    else:
        print_fix(fix, Console())
    if fix.status != "located":
        raise typer.Exit(EXIT_ABSTAINED)
