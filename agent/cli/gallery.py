"""`geofix gallery`: add, load, list and remove galleries, with the progress of a load."""

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
from geofix.agent.cli.terminal import REJECTED, err, escaped, out, say
from geofix.agent.errors import SourceError
from geofix.db.plain_text import visible

if TYPE_CHECKING:
    from geofix.tools.ingestion import IngestionReport, Progress


@contextmanager
def progress_bar() -> Iterator[tuple[Callable[[str], None], Callable[[Progress], None]]]:
    """Show a progress bar; yield a function that renames it and one that advances it."""
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
    """Describe the progress of a load: `1,200 of 5,000, 85/s, 0:00:45 left, 3 rejected`."""
    parts = [f"{progress.done:,}"]
    if progress.total is not None:
        parts[0] += f" of {progress.total:,}"
    parts.append(f"{progress.rate_per_s:,.0f}/s")
    if progress.rest_s is not None:
        parts.append(f"{timedelta(seconds=round(progress.rest_s))} left")
    if progress.rejected:
        parts.append(f"{progress.rejected:,} rejected")
    return ", ".join(parts)


app = typer.Typer(
    help="Manage galleries: the geotagged photos that geofix searches.", no_args_is_help=True
)
app.command("status")(gallery_index.status)
app.command("check")(gallery_index.check)
app.command("index")(gallery_index.index)
app.command("reindex")(gallery_index.reindex)


@app.command("add")
def add(
    name: Annotated[
        str, typer.Argument(help="Name of the gallery; `starter` is the only one.", callback=named)
    ] = "starter",
) -> None:
    """Add the gallery that geofix ships."""
    from geofix.tools import starter  # noqa: PLC0415 - see `options`

    if name != starter.STARTER_GALLERY:
        raise SourceError(
            f"geofix ships no gallery {name!r}; the one it ships is {starter.STARTER_GALLERY!r}"
        )
    with open_services() as services:
        new = starter.add_starter(services.ingest)
    say(f"added {new} photos to the gallery {name!r}")


@app.command("ingest")
def ingest(
    source: Annotated[
        Path, typer.Argument(help="A folder, a table, archives of photos, or vectors.")
    ],
    gallery: Annotated[
        str, typer.Option(help="Gallery to add the photos to.", callback=named)
    ] = "mine",
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of the collection inside the gallery. Default: the source's name and a"
            " hash of its path. Choose a name if you will update the collection from"
            " another path.",
            callback=named,
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            help="folder, csv, geojson, parquet, osv5m, mp16, webdataset or vectors. Default:"
            " recognised from the source."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="OURS=THEIRS: geofix's name of a column and the table's, such as latitude=LAT."
            " Repeatable."
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            help="The CSV or Parquet table that belongs to a .npy file or to MP-16. Default:"
            " the table with the usual name."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split of OSV-5M, train or test. Default: train.")
    ] = None,
    embedded_by: Annotated[
        str | None,
        typer.Option(
            help="For vectors: name of the encoder that made them. Default: GEOFIX_ENCODER.",
            callback=named,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of processes that read photos for the one that embeds them. With 0"
            " or 1 a single process does both.",
        ),
    ] = 1,
    ray: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of workers of a Ray cluster that read and embed photos; 0 uses none."
            " Needs `pip install 'geofix[ray]'`.",
        ),
    ] = 0,
    rejects: Annotated[
        Path | None,
        typer.Option(
            help="Write every rejected photo and the reason to this file, as JSON lines. An"
            " existing file is overwritten.",
            callback=writable,
        ),
    ] = None,
) -> None:
    """Add photos, or vectors of photos, to a gallery.

    The source can be a folder of photos with GPS in EXIF; a CSV or Parquet
    table; OSV-5M or MP-16 as downloaded; WebDataset tars, given as a file, a
    folder or 'photos-{000..010}.tar'; or vectors made elsewhere, in a .npy file
    beside a table of the same name (a.npy, a.csv) or in a column of a Parquet
    table.

    A table needs the columns path, latitude and longitude. The columns id,
    author, licence, attribution, captured_at and accuracy_km are optional. For
    vectors, id can replace path. Map other column names with --column.

    An interrupted load can be run again; photos that are already stored are not
    embedded again. Exits with 6 if a photo was rejected.
    """
    from geofix.agent.cli.ingest import Options, load_source  # noqa: PLC0415 - see `options`
    from geofix.tools.sources import open_source  # noqa: PLC0415

    photos = open_source(
        source, name=name, kind=kind, columns=_columns(column or []), table=table, split=split
    )
    with progress_bar() as (progress, advance), open_services(progress=progress) as services:
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
        say("There is no gallery yet. `geofix gallery add starter` adds the one that geofix ships.")
        return
    table = Table(box=None)
    for column in ("gallery", "photos", "countries", "encoders", "licences"):
        table.add_column(column, overflow="fold")
    for gallery in galleries:
        table.add_row(
            escaped(gallery.name),
            str(gallery.photos),
            str(gallery.countries),
            escaped(", ".join(gallery.encoders)),
            escaped(", ".join(gallery.licences)),
        )
    out().print(table)


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="Name of the gallery.", callback=named)],
) -> None:
    """Remove a gallery and all its photos."""
    from geofix.db.load.galleries import remove_gallery  # noqa: PLC0415

    with open_services() as services:
        photos = remove_gallery(services.engine, name)
    say(f"removed the gallery {name!r} and its {photos} photos")


def _columns(given: list[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for one in given:
        ours, equals, theirs = one.partition("=")
        if not (ours and equals and theirs):
            raise SourceError(
                f"the column {one!r} is not written as OURS=THEIRS, such as latitude=LAT"
            )
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
        kept = f", see {str(path)!r}" if path else "; `--rejects FILE` writes all of them to a file"
        say(f"and {rest} more{kept}")
    if report.workers_lost:
        say(
            f"{report.workers_lost} processes died while reading photos; other processes"
            " read those photos again"
        )
    say(
        f"gallery {gallery!r}: {report.added} added, {report.updated} updated,"
        f" {report.unchanged} unchanged, {report.rejected} rejected; {report.done} read in all"
    )
    if report.rejected:
        raise typer.Exit(REJECTED)
