"""`geofix models`: what a chat model can do before photos are trusted to it."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from geofix.agent.cli.options import JsonFlag, named
from geofix.agent.cli.terminal import CANNOT_DRAFT, err, out, plain, say
from geofix.agent.settings import Settings
from geofix.db.plain_text import one_line

if TYPE_CHECKING:
    from geofix.tools.models.check import Drafting, ModelCheck, PictureCheck, Several

MOST_CHARACTERS = 40
"""Of what a model calls a color."""

app = typer.Typer(help="The models that draft.", no_args_is_help=True)


@app.callback()
def _models() -> None:
    """Keep `check` a command of a group, though it is alone."""


@app.command("check")
def check(
    name: Annotated[
        str | None,
        typer.Argument(
            help="The model, as provider:model; GEOFIX_MODEL otherwise.", callback=named
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Call a model, show it pictures, and say what works.

    Two pictures of one color tell whether it sees; the sample photo is put to
    it as in a draft, once, and then for three answers at once. That is four
    calls, or six where one call gives one answer, and more where answers have
    to be repaired. What they cost is shown where prices are known. Address and
    key are GEOFIX_MODEL_URL's and GEOFIX_MODEL_API_KEY's.

    Exits with 7 if the model cannot draft.
    """
    from geofix.agent.draft.check import check as check_drafting  # noqa: PLC0415 - see `options`

    settings = Settings.from_environment()
    with err().status("starting") as status:
        found = check_drafting(settings, name, lambda line: status.update(plain(line)))
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
        table.add_row(line, plain(words))
    out().print(table)
    if found.why_not is None:
        say("It can draft.")
    else:
        say(f"It cannot draft: {one_line(found.why_not)}")


def _lines(found: ModelCheck) -> Iterator[tuple[str, str]]:
    stays = "leaves this machine" if found.leaves else "stays on this machine"
    yield "asked", f"{found.host} ({stays})"
    revision = "" if found.revision is None else f", revision {found.revision}"
    yield "model", f"{found.model or 'the server names none'}{revision}"
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
        "told apart": f"seen: {named}",
        "differ": f"they make a difference, but are not named right: {named}",
        "alike": f"not seen: {named}",
        "unreadable": "unknown: an answer could not be used",
        "refused": "none: this model or server is for text only",
        "failed": "unknown: the call failed",
    }[pictures.sight]


def _cut(words: str) -> str:
    # Asked for one word, some never stop.
    return words if len(words) <= MOST_CHARACTERS else words[: MOST_CHARACTERS - 1] + "…"


def _schema(drafting: Drafting) -> str:
    return {
        "first try": "kept at the first try",
        "repaired": f"kept after a repair: {drafting.problem}",
        "unusable": "not kept",
        "not asked": "not asked",
    }[drafting.fit]


def _samples(several: Several) -> str:
    calls = "1 call" if several.calls == 1 else f"{several.calls} calls"
    return (
        f"{several.usable} of {several.asked} usable, {several.different} different, in {calls} and"
        f" {several.seconds:.1f} s"
    )


def _tokens(drafting: Drafting) -> str:
    read, written = (drafting.tokens.get(name) for name in ("input_tokens", "output_tokens"))
    if read is None or written is None:
        return "not counted by the server, so no budget of tokens can be kept"
    return f"counted: a draft read {read:,} and wrote {written:,}"


def _speed(found: ModelCheck) -> str:
    words = f"first call {found.first_call_s:.1f} s"
    if found.drafting.seconds is not None:
        words += f", a draft {found.drafting.seconds:.1f} s"
    if found.drafting.tokens_per_s is not None:
        words += f", {found.drafting.tokens_per_s:.1f} tokens/s with the time to read"
    return words
