"""Options that several commands share, and how they are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from geofix.agent.cli.terminal import visible
from geofix.agent.cli.whole_file import why_not_writable

TextT = TypeVar("TextT", str, list[str], str | None, list[str] | None)


def printable(value: TextT) -> TextT:
    """Refuse text that is kept in the database but cannot be: broken UTF-8, control characters.

    Raises:
        typer.BadParameter: It is not printable.
    """
    for text in [value] if isinstance(value, str) else value or []:
        if visible(text) != text:
            raise typer.BadParameter(f"{text!r} is not printable text")
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
RunId = Annotated[str, typer.Argument(help="Id of the run.", callback=printable)]
