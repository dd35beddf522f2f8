"""`geofix reproduce`. Imports nothing heavy before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from geofix.agent.cli.options import JsonFlag, named, printable
from geofix.agent.cli.terminal import agreed_to, err, interruptible, say
from geofix.db.plain_text import visible
from geofix.evaluation.flags import (
    Again,
    CsvFile,
    JsonFile,
    Limit,
    MarkdownFile,
    ModelFlag,
    Seed,
    Workers,
    Yes,
    write_files,
)

Reproducible = Literal["img2loc", "street-level-rag", "g3", "geoclip"]
SetName = Literal["im2gps", "im2gps3k", "yfcc4k", "gws15k", "osv5m"]


def reproduce_paper(
    method: Annotated[Reproducible, typer.Argument(help="The method, as its paper has it.")],
    data: Annotated[
        Path,
        typer.Option(help="Folder with the set: its table as CSV, and its photos.", metavar="DIR"),
    ],
    gallery: Annotated[str, typer.Option(help="Gallery to search, such as MP-16.", callback=named)],
    set_: Annotated[
        SetName | None,
        typer.Option("--set", help="The set of photos. Default: the main one of the paper."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="The set's table, if the folder has none with a known name."),
    ] = None,
    limit: Limit = None,
    seed: Seed = 0,
    model: ModelFlag = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            help="An option of the run that differs from the method's, such as positives=10 or"
            " temperature=0.2 (docs/methods.md). Repeatable.",
            metavar="NAME=VALUE",
            callback=printable,
        ),
    ] = None,
    leaks: Annotated[
        str | None,
        typer.Option(
            help="Also leave out gallery photos that would give the answer away: author (those by"
            " the photo's author), sequence, near, separated by commas. The same photo is always"
            " left out.",
            callback=printable,
        ),
    ] = None,
    workers: Workers = 2,
    again: Again = "",
    yes: Yes = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show the plan, call no model, store nothing."),
    ] = False,
    json: JsonFlag = False,
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
    markdown: MarkdownFile = None,
) -> None:
    """Measure a paper's method on a paper's photos, beside the published rows.

    The set is read as it circulates: headers of latitude and longitude that are
    exchanged are noticed, missing photos and notices that a photo is gone are
    counted and left out. Then the plan is shown: calls, tokens, money, hours and
    disk, from one photo that is timed. Nothing is stored before you agree.

    Results are stored photo by photo: after an interruption the same command
    continues. The model gets pixels only, never the name of a file.
    """
    from geofix.agent.settings import Settings  # noqa: PLC0415 - heavy, see the top
    from geofix.evaluation.report.written import as_csv  # noqa: PLC0415
    from geofix.evaluation.reproduce.session import (  # noqa: PLC0415
        Wanted,
        parse_options,
        reproduce,
    )
    from geofix.evaluation.reproduce.written import (  # noqa: PLC0415
        as_json,
        as_markdown,
        plan_text,
    )
    from geofix.evaluation.run.session import parse_leaks  # noqa: PLC0415

    wanted = Wanted(
        method=method,
        data=data,
        gallery=gallery,
        set=set_,
        table=table,
        model=model,
        leaks=tuple(dict.fromkeys((*parse_leaks(leaks, "--leaks"), "hash"))),
        limit=limit,
        seed=seed,
        workers=workers,
        options=parse_options(option or ()),
        again=again,
        dry=dry_run,
    )
    settings = Settings.from_environment()
    with err().status("starting") as status:
        done = interruptible(
            lambda: reproduce(
                wanted,
                settings,
                lambda line: status.update(visible(line)),
                lambda planned: agreed_to(plan_text(planned), status, asks=not yes),
            )
        )
    if done is None:
        err().print("Nothing was asked, and nothing was stored. --yes begins without asking.")
        return
    say(as_json(done) if json else as_markdown(done))
    results = (csv_file, lambda whole: as_csv(whole.results))
    write_files(done, ((json_file, as_json), (markdown, as_markdown), results))
