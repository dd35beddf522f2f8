"""`geofix gallery`: photos in, with what a load shows meanwhile, and what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table

from geofix.agent.cli import gallery_index
from geofix.agent.cli.options import named, open_services, writable
from geofix.agent.cli.terminal import REJECTED, err, out, plain, say
from geofix.agent.errors import SourceError
from geofix.db.plain_text import visible

if TYPE_CHECKING:
    from geofix.tools.ingestion import IngestionReport, Progress


@contextmanager
def following() -> Iterator[tuple[Callable[[str], None], Callable[[Progress], None]]]:
    """Show a bar; give one function for lines that replace its name, and one for how far it is."""
    bars = Bars(
        # Names stand in the description, and are not to be taken for markup.
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[far]}"),
        console=err(),
    )
    with bars:
        task = bars.add_task("ingesting", total=None, far="")

        def say(line: str) -> None:
            bars.update(task, description=visible(line))

        def advance(progress: Progress) -> None:
            bars.update(
                task,
                description="ingesting",
                total=progress.total,
                completed=progress.done,
                far=describe(progress),
            )

        yield say, advance


def describe(progress: Progress) -> str:
    """Say how far a load is: `1,200 of 5,000, 85/s, 0:00:45 to go, 3 left out`."""
    parts = [f"{progress.done:,}"]
    if progress.total is not None:
        parts[0] += f" of {progress.total:,}"
    parts.append(f"{progress.rate_per_s:,.0f}/s")
    if progress.rest_s is not None:
        parts.append(f"{timedelta(seconds=round(progress.rest_s))} to go")
    if progress.rejected:
        parts.append(f"{progress.rejected:,} left out")
    return ", ".join(parts)


app = typer.Typer(help="The geotagged photos that answers rest on.", no_args_is_help=True)
app.command("status")(gallery_index.status)
app.command("check")(gallery_index.check)
app.command("index")(gallery_index.index)
app.command("reindex")(gallery_index.reindex)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Only `starter` so far.", callback=named)] = "starter",
) -> None:
    """Add a gallery that ships with geofix."""
    from geofix.tools import starter  # noqa: PLC0415 - see `options`

    if name != starter.NAME:
        raise SourceError(f"no gallery {name!r} ships with geofix; there is {starter.NAME!r}")
    with open_services() as services:
        new = starter.add_starter(services.ingest)
    say(f"{new} new photos in the gallery {name!r}")


@app.command("ingest")
def ingest(
    source: Annotated[
        Path, typer.Argument(help="A folder, a table, archives of pictures, or vectors.")
    ],
    gallery: Annotated[str, typer.Option(help="Gallery to put them in.", callback=named)] = "mine",
    name: Annotated[
        str | None,
        typer.Option(
            help="What they are kept under. A collection that is to be updated from another place"
            " needs one; otherwise it is the source's name with a mark of where it lies.",
            callback=named,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="folder, csv, parquet, osv5m, mp16, webdataset or vectors; needed where the source"
            " does not look like what it is."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="OURS=THEIRS, as in latitude=LAT: our name of a column and the table's. May be"
            " given again."
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            help="The CSV or Parquet table of a .npy file or of MP-16, where it has a name of its"
            " own."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="train or test of OSV-5M; train otherwise.")
    ] = None,
    embedded_by: Annotated[
        str | None,
        typer.Option(
            help="Name of the encoder that made the vectors; GEOFIX_ENCODER's otherwise. For"
            " vectors only.",
            callback=named,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=0,
            help="Processes that read photos beside the one that embeds; with 0 or 1 it reads too.",
        ),
    ] = 1,
    ray: Annotated[
        int,
        typer.Option(
            min=0,
            help="Workers of a Ray cluster that read and embed photos; 0 is none. Needs the"
            " extra `ray`.",
        ),
    ] = 0,
    rejects: Annotated[
        Path | None,
        typer.Option(
            help="File for every photo left out and why, as JSON lines; overwritten.",
            callback=writable,
        ),
    ] = None,
) -> None:
    """Add photos, or vectors of photos; safe to cut off and to run again.

    The source is: a folder of photos with GPS in EXIF; a CSV or Parquet
    table; OSV-5M or MP-16 as downloaded; WebDataset tars, as a file, a folder
    or 'photos-{000..010}.tar'; vectors made elsewhere, in a .npy file beside a
    table of the same name (a.npy, a.csv) or in a column of a Parquet table.

    A table has the columns path, latitude, longitude, and optionally id,
    author, licence, attribution, captured_at and accuracy_km. For vectors, id
    may stand in for path. Name other columns with --column.

    What is stored already is not embedded again. Exits with 6 if a photo was
    left out.
    """
    from geofix.agent.loading import Options, load_source  # noqa: PLC0415 - see `options`
    from geofix.tools.sources import open_source  # noqa: PLC0415

    photos = open_source(
        source, name=name, kind=kind, columns=_columns(column or []), table=table, split=split
    )
    with following() as (progress, advance), open_services(progress=progress) as services:
        options = Options(gallery, embedded_by, workers, ray, rejects)
        report = load_source(photos, services, options, advance)
    _tell(report, gallery)


@app.command("list")
def list_all() -> None:
    """List the galleries."""
    from geofix.db.load.galleries import list_galleries  # noqa: PLC0415

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
def remove(
    name: Annotated[str, typer.Argument(help="Name of the gallery.", callback=named)],
) -> None:
    """Remove a gallery with all its photos."""
    from geofix.db.load.galleries import remove_gallery  # noqa: PLC0415

    with open_services() as services:
        photos = remove_gallery(services.engine, name)
    say(f"removed the gallery {name!r} with {photos} photos")


def _columns(given: list[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for one in given:
        ours, equals, theirs = one.partition("=")
        if not (ours and equals and theirs):
            raise SourceError(f"the column {one!r} is not written as OURS=THEIRS: latitude=LAT")
        if ours in columns:
            raise SourceError(
                f"the column {ours!r} is given twice: as {columns[ours]!r} and as {theirs!r}"
            )
        columns[ours] = theirs
    return columns


def _tell(report: IngestionReport, gallery: str) -> None:
    from geofix.tools.ingestion import rejected_lines  # noqa: PLC0415

    for line in rejected_lines(report):
        say(line)
    if report.rejected > len(report.first_rejects):
        rest = report.rejected - len(report.first_rejects)
        path = report.rejects_path
        kept = f", see {str(path)!r}" if path else "; `--rejects FILE` keeps all of them"
        say(f"and {rest} more{kept}")
    if report.workers_lost:
        say(f"{report.workers_lost} processes that read photos died; the photos were read again")
    say(
        f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged,"
        f" {report.rejected} left out of {report.done} in the gallery {gallery!r}"
    )
    if report.rejected:
        raise typer.Exit(REJECTED)
