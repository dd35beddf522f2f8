"""`geofix gallery`: photos in, and what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from geofix.agent.cli import exits
from geofix.agent.cli.opening import open_services
from geofix.agent.cli.terminal import err, out, plain, say
from geofix.agent.errors import SourceError

app = typer.Typer(help="The geotagged photos that answers rest on.", no_args_is_help=True)


@app.command("add")
def add(name: Annotated[str, typer.Argument(help="Only `starter` so far.")] = "starter") -> None:
    """Add a gallery that ships with geofix."""
    from geofix.tools import starter  # noqa: PLC0415 - see `opening`

    if name != starter.NAME:
        raise SourceError(f"no gallery {name!r} ships with geofix; there is {starter.NAME!r}")
    with open_services() as services:
        new = starter.add_starter(services.ingest)
    say(f"{new} new photos in the gallery {name!r}")


@app.command("ingest")
def ingest(
    source: Annotated[
        Path, typer.Argument(help="A folder of photos with GPS in EXIF, or a CSV table.")
    ],
    gallery: Annotated[str, typer.Option(help="Gallery to put them in.")] = "mine",
    name: Annotated[
        str | None, typer.Option(help="What they are kept under; its name and a mark otherwise.")
    ] = None,
) -> None:
    """Add photos of your own; safe to run again.

    A table has the columns path, latitude, longitude, and optionally id, author, licence,
    attribution, captured_at and accuracy_km. Exits with 6 if a photo was left out.
    """
    from geofix.tools.ingestion import ingest_source, rejected_lines  # noqa: PLC0415 - see `opening`
    from geofix.tools.sources import open_source  # noqa: PLC0415

    photos = open_source(source, name=name)
    with open_services() as services, _progress() as progress:
        task = progress.add_task("ingesting", total=len(photos))
        report = ingest_source(
            photos,
            gallery,
            services.ingest,
            services.encoder,
            advance=lambda done: progress.advance(task, done),
        )
    for line in rejected_lines(report):
        say(line)
    say(
        f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged,"
        f" {len(report.rejected)} left out of {len(photos)} in the gallery {gallery!r}"
    )
    if report.rejected:
        raise typer.Exit(exits.REJECTED)


@app.command("list")
def list_all() -> None:
    """List the galleries."""
    from geofix.db.galleries import list_galleries  # noqa: PLC0415

    with open_services() as services:
        galleries = list_galleries(services.engine)
    if not galleries:
        say("no gallery yet; `geofix gallery add starter` adds the one that ships")
        return
    table = Table(box=None)
    for column in ("gallery", "photos", "countries", "encoders", "licences"):
        table.add_column(column, overflow="fold")
    for gallery in galleries:
        table.add_row(
            plain(gallery.name),
            str(gallery.photos),
            str(gallery.countries),
            plain(", ".join(gallery.encoders)),
            plain(", ".join(gallery.licences)),
        )
    out().print(table)


@app.command("remove")
def remove(name: Annotated[str, typer.Argument(help="Name of the gallery.")]) -> None:
    """Remove a gallery with all its photos."""
    from geofix.db.galleries import remove_gallery  # noqa: PLC0415

    with open_services() as services:
        photos = remove_gallery(services.engine, name)
    say(f"removed the gallery {name!r} with {photos} photos")


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err(),
    )
