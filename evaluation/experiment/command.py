"""`geofix experiment`. Imports nothing heavy before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from geofix.agent.cli.options import JsonFlag, named, printable, writable
from geofix.agent.cli.terminal import agreed_to, err, interruptible, say
from geofix.db.plain_text import visible
from geofix.evaluation.experiment.design import FIXED, Asked
from geofix.evaluation.flags import (
    Again,
    Columns,
    JsonFile,
    Limit,
    MarkdownFile,
    PageFile,
    Seed,
    Workers,
    Yes,
    columns_of,
    write_files,
)

Name = Literal["negatives"]


def run_experiment(
    name: Annotated[
        Name, typer.Argument(help="'negatives': whether counter-examples in the prompt help.")
    ],
    dataset: Annotated[
        str,
        typer.Argument(
            help="A folder or a CSV or Parquet table of photos with their place, or a simulated"
            " world, as for `geofix eval`.",
            callback=printable,
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A model, as provider:model; repeatable. Default: GEOFIX_MODEL.", callback=named
        ),
    ] = None,
    method: Annotated[Asked, typer.Option(help="Whose prompt and positives.")] = "img2loc",
    gallery: Annotated[
        list[str] | None,
        typer.Option(help="Gallery to search; repeatable. Default: all.", callback=named),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="Which negatives; repeatable. 'raw': most dissimilar by raw vectors. 'centred': by"
            " centred vectors. 'far': far from the leading place, and alike. Default: all three.",
            metavar="WORD",
            callback=printable,
        ),
    ] = None,
    number: Annotated[
        list[int] | None,
        typer.Option(help="How many; repeatable. Default: 5, 10, 16, 30; none is always asked."),
    ] = None,
    control: Annotated[
        bool,
        typer.Option(
            "--control",
            help="Ask without negatives twice, which shows how much the model differs from itself.",
        ),
    ] = False,
    km: Annotated[
        list[float] | None,
        typer.Option(
            help="Distance in km at which a place is right; repeatable. Fewer distances are fewer"
            " tests to correct for. Default: 1, 25, 200, 750, 2500."
        ),
    ] = None,
    pilot: Annotated[
        int | None,
        typer.Option(
            min=10,
            metavar="N",
            help="First measure on about this many photos how often a word turns from right to"
            " wrong or back; they are not of the experiment.",
        ),
    ] = None,
    discordant: Annotated[
        float | None,
        typer.Option(help="Assume this share of such photos in the plan, such as 0.1."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            help="An option of the run that differs from the method's, the same in every cell, such"
            " as positives=10 or temperature=0 (docs/methods.md). Repeatable.",
            metavar="NAME=VALUE",
            callback=printable,
        ),
    ] = None,
    exclude: Annotated[
        str | None,
        typer.Option(
            help="Leave out gallery photos that would give the answer away: author, sequence, near,"
            " separated by commas. The same photo is always left out.",
            callback=printable,
        ),
    ] = None,
    column: Columns = None,
    limit: Limit = None,
    seed: Seed = 0,
    workers: Workers = 2,
    again: Again = "",
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, call no model, ask about no photo.")
    ] = False,
    json: JsonFlag = False,
    json_file: JsonFile = None,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", help="Write CSV, a row per photo and cell.", callback=writable),
    ] = None,
    markdown: MarkdownFile = None,
    page: PageFile = None,
) -> None:
    """Measure what one part of a prompt does, on the same photos, with its power told before.

    Every photo is asked about in every cell: without negatives, and with each
    strategy and number. The similar photos stay the same. The model's own word is
    compared, and the answers: paired bootstrap, McNemar's test, Holm's correction.

    Before it begins, the plan says how small a difference it can find, and what it
    takes: calls, tokens, money, hours. Results are stored photo by photo: after an
    interruption the same command continues.
    """
    from geofix.agent.settings import Settings  # noqa: PLC0415 - heavy, see the top
    from geofix.evaluation.experiment.session import Wanted, experiment  # noqa: PLC0415
    from geofix.evaluation.experiment.written import (  # noqa: PLC0415
        as_csv,
        as_json,
        as_markdown,
        as_page,
        plan_text,
    )
    from geofix.evaluation.reproduce.session import parse_options  # noqa: PLC0415
    from geofix.evaluation.run.session import parse_leaks  # noqa: PLC0415
    from geofix.tools.statistics import SCALES_KM  # noqa: PLC0415

    wanted = Wanted(
        dataset=dataset,
        method=method,
        models=tuple(dict.fromkeys(model or ())),
        galleries=tuple(gallery or ()),
        strategies=tuple(strategy or ()),
        numbers=tuple(number or ()),
        control=control,
        options=parse_options(option or (), FIXED),
        within_km=tuple(sorted(set(km))) if km else SCALES_KM,
        leaks=tuple(dict.fromkeys((*parse_leaks(exclude), "hash"))),
        columns=columns_of(column or []),
        limit=limit,
        pilot=pilot,
        discordant=discordant,
        seed=seed,
        workers=workers,
        again=again,
        dry=dry_run,
    )
    settings = Settings.from_environment()
    with err().status("starting") as status:
        done = interruptible(
            lambda: experiment(
                wanted,
                settings,
                lambda line: status.update(visible(line)),
                lambda planned: agreed_to(plan_text(planned), status, asks=not yes),
            )
        )
    if done is None:
        err().print("Nothing more was asked. --yes begins without asking.")
        return
    say(as_json(done) if json else as_markdown(done))
    makers = ((json_file, as_json), (csv_file, as_csv), (markdown, as_markdown), (page, as_page))
    write_files(done, makers)
