"""Flags that the commands of evaluation share. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from geofix.agent.cli.options import named, printable, writable
from geofix.agent.cli.terminal import err, write_whole
from geofix.db.plain_text import visible

Made = TypeVar("Made")

ModelFlag = Annotated[
    str | None,
    typer.Option(help="The model, as provider:model. Default: GEOFIX_MODEL.", callback=named),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(help="NAME=COLUMN: what the table calls one of our columns.", callback=printable),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1, help="Ask about this many photos or nearly; whole places are drawn by the seed."
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of what is drawn and of the bootstrap.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Photos asked at once.")]
Again = Annotated[
    str,
    typer.Option(
        help="Any word; with a new one, photos that have a result are asked again, for example"
        " after the model's server had failed.",
        callback=printable,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Begin without asking.")]
JsonFile = Annotated[
    Path | None, typer.Option("--json-file", help="Write JSON.", callback=writable)
]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", help="Write CSV, a row per photo.", callback=writable)
]
MarkdownFile = Annotated[
    Path | None, typer.Option("--markdown", help="Write the tables.", callback=writable)
]
PageFile = Annotated[
    Path | None, typer.Option("--page", help="Write one HTML page.", callback=writable)
]


def columns_of(given: Iterable[str]) -> dict[str, str]:
    """Return our names of columns to the table's.

    Raises:
        typer.BadParameter: One is no pair.
    """
    columns: dict[str, str] = {}
    for pair in given:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise typer.BadParameter(f"{pair!r} is not OURS=THEIRS")
        columns[ours] = theirs
    return columns


def write_files(made: Made, files: Iterable[tuple[Path | None, Callable[[Made], str]]]) -> None:
    """Write what was made into the files that were asked for, and say so on standard error."""
    for path, written in files:
        if path is not None:
            write_whole(path, written(made))
            err().print(f"written: {visible(str(path))}", markup=False, soft_wrap=True)
