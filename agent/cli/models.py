"""`geofix models` and `geofix prompt`: what a chat model can do, and what it would be sent."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from geofix.agent.cli.options import JsonFlag, named, open_cli_agent
from geofix.agent.cli.run_options import with_run_options
from geofix.agent.cli.terminal import CANNOT_DRAFT, err, escaped, interruptible, out, say
from geofix.db.plain_text import one_line

if TYPE_CHECKING:
    from geofix.tools.models.check import Drafting, ModelCheck, PictureCheck, Several

LONGEST_COLOR = 40
"""Longest name of a color that is shown."""

app = typer.Typer(help="Check the models that draft answers.", no_args_is_help=True)


@app.callback()
def _models() -> None:
    """Keep `check` a command of a group, though it is alone."""


@app.command("check")
def check(
    name: Annotated[
        str | None,
        typer.Argument(help="The model, as provider:model. Default: GEOFIX_MODEL.", callback=named),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Check whether a model can draft answers, and show what works.

    The check shows the model a red and a blue picture, to find out whether it
    sees images. Then it asks for a draft of the sample photo, first once, then
    for three answers in one request. That takes four calls; six if the server
    gives one answer a call; more if answers need a correction. The cost is
    shown if the model's prices are known. GEOFIX_MODEL_URL and
    GEOFIX_MODEL_API_KEY set the address and the key.

    Exits with 7 if the model cannot draft answers.
    """
    from geofix.agent.draft.check import check as check_drafting  # noqa: PLC0415 - see `options`
    from geofix.agent.settings import Settings  # noqa: PLC0415

    settings = Settings.from_environment()
    with err().status("starting") as status:
        found = check_drafting(settings, name, lambda line: status.update(escaped(line)))
    if json:
        say(json_format.dumps({"can_draft": found.why_not is None, **asdict(found)}, indent=2))
    else:
        _print(found)
    if found.why_not is not None:
        raise typer.Exit(CANNOT_DRAFT)


def _print(found: ModelCheck) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line, words in _lines(found):
        table.add_row(line, escaped(words))
    out().print(table)
    if found.why_not is None:
        say("This model can draft answers.")
    else:
        say(f"This model cannot draft answers: {one_line(found.why_not)}")


def _lines(found: ModelCheck) -> Iterator[tuple[str, str]]:
    stays = "the photo leaves this machine" if found.leaves else "the photo stays on this machine"
    yield "asked", f"{found.host} ({stays})"
    revision = "" if found.revision is None else f", revision {found.revision}"
    yield "model", f"{found.model or 'the server does not say'}{revision}"
    yield "images", _images(found.pictures)
    yield "schema", _schema(found.drafting)
    if found.several is not None:
        yield "samples", _samples(found.several)
    if found.drafting.fit != "not asked":
        yield "tokens", _tokens(found.drafting)
    yield "speed", _speed(found)
    if found.cost:
        yield "cost", f"${found.cost:.4f} for this check"
    for note in found.notes:
        yield "note", note


def _images(pictures: PictureCheck) -> str:
    named = ", ".join(f"{color} as {_cut(name)!r}" for color, name in pictures.named.items())
    return {
        "told apart": f"recognised: {named}",
        "differ": f"the answers differ, but the colors are wrong: {named}",
        "alike": f"not recognised: {named}",
        "unreadable": "unknown, because an answer could not be read",
        "refused": "none: this model or server accepts only text",
        "failed": "unknown, because the call failed",
    }[pictures.sight]


def _cut(words: str) -> str:
    # Asked for one word, some never stop.
    return words if len(words) <= LONGEST_COLOR else words[: LONGEST_COLOR - 1] + "…"


def _schema(drafting: Drafting) -> str:
    return {
        "first try": "followed at the first try",
        "repaired": f"followed after a correction: {drafting.problem}",
        "unusable": "not followed",
        "not asked": "not asked",
    }[drafting.fit]


def _samples(several: Several) -> str:
    calls = "1 call" if several.calls == 1 else f"{several.calls} calls"
    return (
        f"{several.usable} of {several.asked} answers usable, {several.different} of them"
        f" different, from {calls} in {several.seconds:.1f} s"
    )


def _tokens(drafting: Drafting) -> str:
    read, written = (drafting.tokens.get(name) for name in ("input_tokens", "output_tokens"))
    if read is None or written is None:
        return "the server does not count tokens, so --max-tokens cannot be enforced"
    return f"a draft took {read:,} input and {written:,} output tokens"


def _speed(found: ModelCheck) -> str:
    words = f"first call {found.first_call_s:.1f} s"
    if found.drafting.seconds is not None:
        words += f", a draft {found.drafting.seconds:.1f} s"
    if found.drafting.tokens_per_s is not None:
        words += (
            f", {found.drafting.tokens_per_s:.1f} output tokens/s including the time to read"
            " the input"
        )
    return words


@with_run_options
def show_prompt(
    run_options: dict[str, Any],
    photo: Annotated[
        Path | None, typer.Argument(help="The photo file. Default: the sample photo.")
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(
            help="Region that the answer must lie in: a country (France, FR), a circle"
            " LAT,LON,KM or a box SOUTH,WEST,NORTH,EAST."
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Print all that a model would be sent about a photo, and ask no model.

    The gallery is searched as in the first round of a run. Every message is printed with its role,
    every picture as a line with its size, then the schema of the answer. The same photo, gallery
    and options print the same text, so that two can be compared with diff.
    """
    from geofix.agent.draft.preview import preview  # noqa: PLC0415 - see `options`
    from geofix.tools.photo.read import read_photo  # noqa: PLC0415
    from geofix.tools.photo.samples import sample_path  # noqa: PLC0415

    asked = read_photo(sample_path() if photo is None else photo)
    with open_cli_agent() as (agent, _):
        made = interruptible(lambda: preview(agent.services, asked, within, run_options))
    say(made.as_json() if json else made.as_text())
