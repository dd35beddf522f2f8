"""`geofix locate` and `geofix resume`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from geofix.agent.cli.options import (
    ClaimedPlace,
    GeojsonFile,
    JsonFlag,
    RunId,
    named,
    open_cli_agent,
)
from geofix.agent.cli.run_options import with_run_options
from geofix.agent.cli.terminal import ABSTAINED, interruptible, out, say, write_whole

if TYPE_CHECKING:
    from geofix.agent.fix import Fix
    from geofix.agent.settings import Settings
    from geofix.agent.state import Region
    from geofix.tools.photo.read import Photo

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Model that drafts the answer, as provider:model. Default: GEOFIX_MODEL.",
        callback=named,
    ),
]


@with_run_options
def locate_photo(
    run_options: dict[str, Any],
    photo: Annotated[
        Path | None, typer.Argument(help="The photo file. Default: the sample photo.")
    ] = None,
    json: JsonFlag = False,
    geojson: GeojsonFile = None,
    within: Annotated[
        str | None,
        typer.Option(
            help="Region that the answer must lie in: a country (France, FR), a circle"
            " LAT,LON,KM or a box SOUTH,WEST,NORTH,EAST. A west greater than the east"
            " crosses the antimeridian."
        ),
    ] = None,
    claim: ClaimedPlace = None,
    model: ModelName = None,
    run: Annotated[
        str | None,
        typer.Option(
            help="Id of the run. With the id of an interrupted run, that run continues."
            " Default: a new id.",
            callback=named,
        ),
    ] = None,
    thread: Annotated[
        str | None,
        typer.Option(
            help="What to group runs by, such as a case. The same question asked again on its"
            " thread is the same run.",
            callback=named,
        ),
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Short for `--pause unsure`.")] = False,
) -> None:
    """Find out where a photo was taken."""
    settings = _settings(model)
    options = {"pause": "unsure", **run_options} if ask else run_options
    asked, region = _checked(photo, within, claim)
    with open_cli_agent(settings) as (agent, listener):
        fix = interruptible(
            lambda: agent.locate(
                asked,
                within=region,
                claim=claim,
                thread_id=thread,
                run_id=run,
                on_event=listener,
                **options,
            )
        )
    _finish(fix, json, geojson, every_candidate=bool(options.get("every_candidate")))


def resume_run(
    run: RunId,
    pick: Annotated[
        int | None,
        typer.Option(min=0, help="Number of the candidate that is right; 0 if none is."),
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="The first candidate is right.")] = False,
    look: Annotated[
        str | None,
        typer.Option(
            metavar="REGION",
            help="Search this region on its own merit: a country (France, FR), a circle LAT,LON,KM"
            " or a box SOUTH,WEST,NORTH,EAST. Nothing found elsewhere counts any more.",
        ),
    ] = None,
    hint: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="What is known or believed of the place, for the model. Without a model, a region"
            " or the name of a city, which is then searched as with --look.",
        ),
    ] = None,
    go_on: Annotated[bool, typer.Option("--go-on", help="Do what geofix proposes.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the run without an answer.")] = False,
    by: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who decides, for the trail.", callback=named),
    ] = None,
    model: ModelName = None,
    json: JsonFlag = False,
    geojson: GeojsonFile = None,
) -> None:
    """Continue a run that was interrupted, or decide for one that waits for a person.

    At most one of --pick, --accept, --look, --hint, --go-on and --stop can be given.
    """
    given: dict[str, dict[str, Any] | None] = {
        "--pick": None if pick is None else {"rank": pick},
        "--accept": {"action": "accept"} if accept else None,
        "--look": None if look is None else {"action": "look", "region": look},
        "--hint": None if hint is None else {"action": "hint", "words": hint},
        "--go-on": {"action": "go_on"} if go_on else None,
        "--stop": {"action": "stop"} if stop else None,
    }
    decision = _only_one(given)
    if by is not None and decision is None:
        raise typer.BadParameter(f"--by {by!r} names who decides; give a decision with it")
    with open_cli_agent(_settings(model)) as (agent, listener):
        fix = interruptible(
            lambda: (
                agent.resume(run, on_event=listener)
                if decision is None
                else agent.answer(run, decision, by=by, on_event=listener)
            )
        )
    _finish(fix, json, geojson)


def _only_one(given: dict[str, dict[str, Any] | None]) -> dict[str, Any] | None:
    """Return the one decision that was given; None if none was.

    Raises:
        typer.BadParameter: Several were given.
    """
    decisions = {option: decision for option, decision in given.items() if decision is not None}
    if len(decisions) > 1:
        raise typer.BadParameter(
            f"{' and '.join(decisions)} are {len(decisions)} decisions; give only one of"
            f" {', '.join(given)}"
        )
    return next(iter(decisions.values()), None)


def _settings(model: str | None) -> Settings:
    from geofix.agent.settings import Settings  # noqa: PLC0415 - see `options`

    settings = Settings.from_environment()
    return settings if model is None else settings.model_copy(update={"model": model})


def _checked(
    photo: Path | None, within: str | None, claim: str | None
) -> tuple[Photo, Region | None]:
    """Check photo, region and claim, and return the question.

    The facade checks the same, but opens the database and the encoder first. Checked here, an
    unusable photo is reported before they are.
    """
    from geofix.agent.calibration.claims import parse_claim  # noqa: PLC0415 - half a second, see `options`
    from geofix.agent.regions import parse_region  # noqa: PLC0415
    from geofix.tools.photo.read import read_photo  # noqa: PLC0415
    from geofix.tools.photo.samples import sample_path  # noqa: PLC0415

    region = None if within is None else parse_region(within)
    parse_claim(claim)
    return read_photo(sample_path() if photo is None else photo), region


def _finish(fix: Fix, json: bool, geojson: Path | None, *, every_candidate: bool = False) -> None:
    from geofix.agent.cli.render import print_fix  # noqa: PLC0415 - see `options`

    try:
        if geojson is not None:
            write_whole(geojson, json_format.dumps(fix.to_geojson(), indent=2) + "\n")
    finally:
        # An answer that was paid for is shown, even where its file could not be written.
        if json:
            say(fix.model_dump_json(indent=2, ensure_ascii=True))
        else:
            print_fix(fix, out(), every_candidate=every_candidate)
    if fix.status != "located":
        raise typer.Exit(ABSTAINED)
