"""`geofix eval`. Imports nothing heavy before it runs."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from geofix.agent.cli.options import JsonFlag, named, printable, writable
from geofix.agent.cli.run_options import with_run_options
from geofix.agent.cli.terminal import err, escaped, interruptible, out, say, write_whole
from geofix.db.plain_text import visible

if TYPE_CHECKING:
    from geofix.evaluation.report.written import Report


@with_run_options
def evaluate_dataset(
    run_options: dict[str, Any],
    dataset: Annotated[
        str | None,
        typer.Argument(
            help="A folder or a CSV or Parquet table of photos with their place, or a simulated"
            " world: world:street, world:city, world:world.",
            callback=printable,
        ),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the latest evaluations and do nothing else.")
    ] = False,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Compare two evaluations by their ids: the first against the second."),
    ] = None,
    ablate: Annotated[
        list[str] | None,
        typer.Option(
            help="Run again with one thing changed, side by side: an option of the run by its name,"
            " such as vectors=raw, positives=5 or method=img2loc;"
            " scorer=top1|density|hand-set|default; or the name of a feature to leave out. May be"
            " given again.",
            callback=printable,
        ),
    ] = None,
    exclude: Annotated[
        str | None,
        typer.Option(
            help="Leave out gallery photos that would give the answer away: author, sequence, near"
            " (cosine of 0.95 or more), hash, separated by commas; hash by default. With more than"
            " hash, a run that leaves out hash alone is shown beside it.",
            callback=printable,
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=COLUMN: what the table calls one of our columns.", callback=printable
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The model that drafts; GEOFIX_MODEL by default.", callback=named),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Ask about this many photos or nearly; whole places are drawn by the seed.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn and of the bootstrap.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Photos asked at once.")] = 2,
    again: Annotated[
        str,
        typer.Option(
            help="Any word; with a new one, photos evaluated before are asked again.",
            callback=printable,
        ),
    ] = "",
    json: JsonFlag = False,
    json_file: Annotated[
        Path | None, typer.Option("--json-file", help="Write JSON.", callback=writable)
    ] = None,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", help="Write CSV, a row per photo.", callback=writable),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", help="Write the tables.", callback=writable),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", help="Write one HTML page with plots.", callback=writable),
    ] = None,
) -> None:
    """Measure how well photos of known places are placed.

    Results are stored photo by photo: after an interruption the same command
    continues, and once finished it only shows them again. Only the pixels of a
    photo are used. An abstention or a failure counts as wrong.
    """
    if list_:
        return _list(json)
    if (dataset is None) == (compare is None):
        raise typer.BadParameter("give a data set, or two evaluations with --compare")
    from geofix.agent.settings import Settings  # noqa: PLC0415 - heavy, see the top
    from geofix.evaluation.run.session import (  # noqa: PLC0415
        EvaluationRequest,
        compare_runs,
        run_dataset,
    )

    if page is not None:
        check_plots()
    settings = Settings.from_environment()
    if compare is not None:
        report = compare_runs(compare, seed, settings)
    else:
        request = EvaluationRequest(
            dataset=dataset or "",
            ablate=tuple(ablate or ()),
            exclude=exclude,
            columns=columns_of(column or []),
            options=run_options,
            model=model,
            limit=limit,
            seed=seed,
            workers=workers,
            again=again,
        )
        with err().status("starting") as status:
            report = interruptible(
                lambda: run_dataset(request, settings, lambda line: status.update(visible(line)))
            )
    _write(report, {"json": json_file, "csv": csv_file, "markdown": markdown, "page": page}, json)


def check_plots() -> None:
    """Refuse a page before the work is done, not after it.

    Raises:
        GeofixError: matplotlib is not installed.
    """
    from geofix.evaluation.report.plots import new_figure  # noqa: PLC0415 - heavy, see the top

    new_figure()


def columns_of(given: list[str]) -> dict[str, str]:
    """Return what a table calls our columns, from `OURS=THEIRS`.

    Raises:
        typer.BadParameter: It is written otherwise.
    """
    columns: dict[str, str] = {}
    for pair in given:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise typer.BadParameter(f"{pair!r} is not OURS=THEIRS")
        columns[ours] = theirs
    return columns


def _list(json: bool) -> None:
    from geofix.agent.settings import Settings  # noqa: PLC0415 - heavy, see the top
    from geofix.evaluation.report.written import set_up  # noqa: PLC0415
    from geofix.evaluation.run.session import latest  # noqa: PLC0415 - heavy, see the top

    rows = latest(Settings.from_environment())
    if json:
        told = [
            {**asdict(one), "started_at": str(one.started_at), "finished_at": str(one.finished_at)}
            for one, _ in rows
        ]
        say(json_format.dumps(told, indent=2))
        return
    table = Table(box=None)
    for name in ("id", "begun", "data set and run", "set-up", "asked"):
        table.add_column(name, overflow="fold", no_wrap=name in ("id", "begun"))
    for one, asked in rows:
        begun = f"{one.started_at:%Y-%m-%d %H:%M}"
        far = f"{asked} of {one.photos}"
        apart = ", ".join(f"{name} {value}" for name, value in set_up(one).items())
        table.add_row(one.id, begun, escaped(f"{one.dataset}: {one.label}"), escaped(apart), far)
    out().print(table)


def _write(report: Report, files: dict[str, Path | None], json: bool) -> None:
    from geofix.evaluation.report.page import as_page  # noqa: PLC0415 - heavy, see the top
    from geofix.evaluation.report.written import as_csv, as_json, as_markdown  # noqa: PLC0415

    makers = {
        "json": as_json,
        "csv": lambda whole: as_csv(whole.base.results),
        "markdown": as_markdown,
        "page": as_page,
    }
    say(as_json(report) if json else as_markdown(report))
    for name, path in files.items():
        if path is not None:
            write_whole(path, makers[name](report))
            err().print(f"written: {visible(str(path))}", markup=False, soft_wrap=True)
