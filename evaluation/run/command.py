"""`geofix eval`. Imports nothing heavy before it runs."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from geofix.agent.cli.options import JsonFlag, printable
from geofix.agent.cli.run_options import with_run_options
from geofix.agent.cli.terminal import err, escaped, interruptible, out, say
from geofix.db.plain_text import visible
from geofix.evaluation.flags import (
    Again,
    Columns,
    CsvFile,
    JsonFile,
    Limit,
    MarkdownFile,
    ModelFlag,
    PageFile,
    Seed,
    Workers,
    columns_of,
    write_files,
)


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
    column: Columns = None,
    model: ModelFlag = None,
    limit: Limit = None,
    seed: Seed = 0,
    workers: Workers = 2,
    again: Again = "",
    json: JsonFlag = False,
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
    markdown: MarkdownFile = None,
    page: PageFile = None,
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
    from geofix.evaluation.report.page import as_page  # noqa: PLC0415
    from geofix.evaluation.report.written import as_csv, as_json, as_markdown  # noqa: PLC0415
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
    say(as_json(report) if json else as_markdown(report))
    results = (csv_file, lambda whole: as_csv(whole.base.results))
    files = ((json_file, as_json), results, (markdown, as_markdown), (page, as_page))
    write_files(report, files)


def check_plots() -> None:
    """Refuse a page before the work is done, not after it.

    Raises:
        GeofixError: matplotlib is not installed.
    """
    from geofix.evaluation.report.plots import new_figure  # noqa: PLC0415 - heavy, see the top

    new_figure()


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
