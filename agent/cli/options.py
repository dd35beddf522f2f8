"""Options that several commands share, how they are checked, and where commands open geofix.

What a command works with is imported when it runs: LangGraph and SQLAlchemy take seconds, and
`--help` needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.status import Status

from geofix.agent.cli.terminal import err, plain, why_not_writable
from geofix.agent.draft import NegativesBy, PresetName
from geofix.db.plain_text import require_name, short, visible

if TYPE_CHECKING:
    from geofix.agent.facade import Agent
    from geofix.agent.services import Services
    from geofix.agent.settings import Settings
    from geofix.agent.storage import Storage


LONGEST_TEXT = 4096
"""Characters of a path or an option that is no name; Linux opens no longer path."""

TextT = TypeVar("TextT", str, list[str], str | None, list[str] | None)


def named(value: TextT) -> TextT:
    """Refuse what cannot be a name: blank, too long, or with characters that cannot be seen.

    Raises:
        typer.BadParameter: It is no name.
    """
    for name in [value] if isinstance(value, str) else value or []:
        require_name(name, "the name", typer.BadParameter)
    return value


def printable(value: TextT) -> TextT:
    """Refuse what is no name but kept or shown: broken UTF-8, hidden characters, endless text.

    Raises:
        typer.BadParameter: It is not printable, or longer than any path.
    """
    for text in [value] if isinstance(value, str) else value or []:
        if len(text) > LONGEST_TEXT:
            raise typer.BadParameter(
                f"{short(text)} has {len(text):,} characters; give at most {LONGEST_TEXT:,}"
            )
        if visible(text) != text:
            raise typer.BadParameter(f"{text!r} holds characters that cannot be printed")
    return value


def writable(path: Path | None) -> Path | None:
    """Refuse a file that cannot be written now, not after the work is done.

    Raises:
        typer.BadParameter: With the reason.
    """
    reason = None if path is None else why_not_writable(path)
    if reason is not None:
        raise typer.BadParameter(f"cannot write {str(path)!r}: {reason}")
    return path


JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
GeojsonFile = Annotated[
    Path | None,
    typer.Option("--geojson", help="Write the fix as GeoJSON to this file.", callback=writable),
]
RunId = Annotated[str, typer.Argument(help="Id of the run.", callback=named)]
NegativesKind = Annotated[
    NegativesBy | None,
    typer.Option(
        "--negatives-by",
        help="What the model is shown against a place: dissimilar photos (the default), photos"
        " that look alike but are far from the leading place, or none.",
    ),
]
FarKm = Annotated[
    float | None,
    typer.Option(
        "--far-km", min=1, max=20_000, help="How far `--negatives-by far` is; 200 otherwise."
    ),
]
Preset = Annotated[
    PresetName | None,
    typer.Option(
        "--preset",
        help="In whose words the model is asked: geofix's own (the default), or those of the"
        " papers G3 and Img2Loc.",
    ),
]
Exemplars = Annotated[
    int | None,
    typer.Option(
        "--exemplars",
        min=0,
        max=8,
        help="Show the model a gallery picture of so many candidates; they go where the photo"
        " goes. None otherwise.",
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", min=0, help="US dollars the run may spend on its model."),
]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", min=0, help="Tokens it may spend on its model.")
]
MaxSeconds = Annotated[
    float | None,
    typer.Option("--max-seconds", min=0, help="How long it may ask its model; then it settles."),
]
ClaimedPlace = Annotated[
    str | None,
    typer.Option(
        "--claim",
        metavar="LAT,LON|exif",
        help="Check a claimed place, or the one in the file's EXIF: consistent, inconsistent or"
        " undecidable, by a calibrated radius.",
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(
        help="Coverage of the radius where it is calibrated: 0.5, 0.8, 0.9 (the default), 0.95."
    ),
]
FinestKm = Annotated[
    float | None,
    typer.Option(
        "--finest-km", min=0.1, max=2500, help="Look closer until a place is known to so many km."
    ),
]
Pictures = Annotated[
    int | None,
    typer.Option(
        "--pictures",
        min=0,
        max=64,
        help="Compare so many pictures of similar photos point by point, on this machine.",
    ),
]
AnySceneFlag = Annotated[
    bool,
    typer.Option("--any-scene", help="Answer also for rooms, food, drawings and blank skies."),
]
ExactFlag = Annotated[
    bool, typer.Option("--exact", help="Compare with every vector, without an index: slower.")
]


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


def open_storage(progress: Callable[[str], None] | None = None) -> Storage:
    """Return the database alone, to be used in a `with`; nothing is opened yet."""
    from geofix.agent.settings import Settings  # noqa: PLC0415 - see the top
    from geofix.agent.storage import Storage  # noqa: PLC0415

    return Storage(Settings.from_environment(), progress or (lambda line: None))


def open_services(
    settings: Settings | None = None, *, progress: Callable[[str], None] | None = None
) -> Services:
    """Return engine, encoder and model, to be used in a `with`; nothing is opened yet."""
    from geofix.agent.services import Services  # noqa: PLC0415 - see the top

    return Services(settings, progress=progress)


@contextmanager
def open_agent(
    settings: Settings | None = None,
) -> Iterator[tuple[Agent, Callable[[dict[str, Any]], None]]]:
    """Open geofix, and give a listener that shows on standard error what a run is doing."""
    from geofix.agent import facade  # noqa: PLC0415 - see the top

    with (
        err().status("starting") as status,
        facade.open_agent(settings, progress=lambda line: status.update(plain(line))) as agent,
    ):
        yield agent, lambda event: _follow(status, event)


def _follow(status: Status, event: dict[str, Any]) -> None:
    if event["event"] == "started":
        again = f" (round {event['round'] + 1})" if event["round"] else ""
        status.update(VERBS[event["node"]] + again)
