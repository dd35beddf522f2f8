"""`geofix gallery shard`: other Postgres servers that hold a part of the vectors."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from geofix.agent.cli.opening import open_services
from geofix.agent.cli.options import named
from geofix.agent.cli.terminal import err, out, plain, say

app = typer.Typer(
    help="Other Postgres servers that hold a part of the vectors.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="Name of the shard.", callback=named)]


@app.command("add")
def add(
    name: Name,
    url: Annotated[
        str,
        typer.Argument(
            help="An empty database with pgvector: postgresql://user:password@host:5432/database."
            " The password is kept in the gallery's database."
        ),
    ],
) -> None:
    """Take a database in as a shard, and set it up; the next load fills it."""
    from geofix.db.redaction import redact  # noqa: PLC0415 - see `opening`
    from geofix.db.shards import add_shard  # noqa: PLC0415

    with open_services() as services:
        add_shard(services.engine, name, url)
    say(f"added the shard {name!r} at {redact(url)}")


@app.command("list")
def list_all() -> None:
    """List the shards, and whether they answer."""
    from geofix.db.shards import list_shards  # noqa: PLC0415 - see `opening`

    with open_services() as services:
        shards = list_shards(services.engine)
    if not shards:
        say("no shard; all vectors are on one server")
        return
    table = Table(box=None)
    for column in ("shard", "address", "vectors", "state"):
        table.add_column(column, overflow="fold")
    for shard in shards:
        table.add_row(
            plain(shard.name),
            plain(shard.url),
            "" if shard.photos is None else f"{shard.photos:,}",
            plain("answers" if shard.reason is None else shard.reason),
        )
    out().print(table)


@app.command("drain")
def drain(name: Name) -> None:
    """Move a shard's vectors to the other servers; run no load meanwhile, it might fill it."""
    from geofix.db.draining import drain_shard  # noqa: PLC0415 - see `opening`

    with open_services() as services, err().status("moving") as status:
        moved = 0

        def progress(batch: int) -> None:
            nonlocal moved
            moved += batch
            status.update(f"moved {moved:,} vectors")

        total = drain_shard(services.engine, name, progress=progress)
    say(f"moved {total:,} vectors off the shard {name!r}")


@app.command("remove")
def remove(
    name: Name,
    lost: Annotated[
        bool,
        typer.Option(
            "--lost",
            help="It is gone for good: its photos are found again once they are ingested again.",
        ),
    ] = False,
) -> None:
    """Do without a shard that holds no vectors any more."""
    from geofix.db.shards import remove_shard  # noqa: PLC0415 - see `opening`

    with open_services() as services:
        remove_shard(services.engine, name, lost=lost)
    say(f"removed the shard {name!r}")
