"""Options that several commands share, their checks, and how commands open geofix.

What a command works with is imported when it runs: LangGraph and SQLAlchemy take seconds, and
`--help` needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.status import Status

from geofix.agent.cli.terminal import err, escaped, why_not_writable
from geofix.db.plain_text import require_name, short, visible

if TYPE_CHECKING:
    from geofix.agent.facade import Agent
    from geofix.agent.run.events import AnyEvent
    from geofix.agent.services import Services
    from geofix.agent.settings import Settings
    from geofix.agent.storage import Storage


LONGEST_TEXT = 4096
"""Characters of a path or of an option that is not a name; Linux opens no longer path."""

TextT = TypeVar("TextT", str, list[str], str | None, list[str] | None)


def named(value: TextT) -> TextT:
    """Refuse a name that is blank, too long, or has invisible characters.

    Raises:
        typer.BadParameter: The name is refused.
    """
    for name in [value] if isinstance(value, str) else value or []:
        require_name(name, "the name", typer.BadParameter)
    return value


def printable(value: TextT) -> TextT:
    """Refuse text with broken UTF-8 or hidden characters, and text longer than any path.

    Raises:
        typer.BadParameter: The text is refused.
    """
    for text in [value] if isinstance(value, str) else value or []:
        if len(text) > LONGEST_TEXT:
            raise typer.BadParameter(
                f"{short(text)} has {len(text):,} characters; at most {LONGEST_TEXT:,} are allowed"
            )
        if visible(text) != text:
            raise typer.BadParameter(f"{text!r} contains characters that cannot be printed")
    return value


def writable(path: Path | None) -> Path | None:
    """Refuse a file that cannot be written, before the work starts.

    Raises:
        typer.BadParameter: The file cannot be written; the text gives the reason.
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
ClaimedPlace = Annotated[
    str | None,
    typer.Option(
        "--claim",
        metavar="LAT,LON|exif",
        help="Check a claimed place, LAT,LON, or `exif` for the one in the file. The result is"
        " consistent, inconsistent or undecidable. Needs a calibration.",
    ),
]


VERBS = {
    "embed": "reading the photo",
    "retrieve": "searching the gallery",
    "draft": "drafting",
    "verify": "verifying",
    "refine": "choosing a finer region",
    "review": "waiting for a person to choose",
    "settle": "settling",
}
"""What each node does, shown as progress."""


def open_storage(progress: Callable[[str], None] | None = None) -> Storage:
    """Return the database alone, to be used in a `with`; nothing is opened yet."""
    from geofix.agent.settings import Settings  # noqa: PLC0415 - see the top
    from geofix.agent.storage import Storage  # noqa: PLC0415

    return Storage(Settings.from_environment(), progress or (lambda line: None))


def open_services(
    settings: Settings | None = None, *, progress: Callable[[str], None] | None = None
) -> Services:
    """Return the services, to be used in a `with`; nothing is opened yet."""
    from geofix.agent.services import Services  # noqa: PLC0415 - see the top

    return Services(settings, progress=progress)


@contextmanager
def open_cli_agent(
    settings: Settings | None = None,
) -> Iterator[tuple[Agent, Callable[[AnyEvent], None]]]:
    """Open an agent; yield it with a listener that shows a run's progress on standard error."""
    from geofix.agent import facade  # noqa: PLC0415 - see the top

    with (
        err().status("starting") as status,
        facade.open_agent(settings, progress=lambda line: status.update(escaped(line))) as agent,
    ):
        yield agent, lambda event: _follow(status, event)


def _follow(status: Status, event: AnyEvent) -> None:
    if event.kind == "step_started":
        again = f" (round {event.round + 1})" if event.round else ""
        status.update(VERBS[event.node] + again)
