"""`geofix db`: the database, embedded or your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from geofix.agent.cli.options import open_services
from geofix.agent.cli.terminal import err, plain, say
from geofix.agent.errors import DatabaseError
from geofix.db.plain_text import redact

if TYPE_CHECKING:
    from geofix.agent.settings import Settings

app = typer.Typer(help="The database: geofix's embedded one, or your own.", no_args_is_help=True)


@app.command("up")
def up(
    url: Annotated[
        bool, typer.Option("--url", help="Print the whole URL, its password with it.")
    ] = False,
) -> None:
    """Start the embedded server and keep it running."""
    with open_services(_embedded()) as services:
        services.server.keep_running()
        services.upgrade()
        full = services.server.url()
        say(full if url else f"running at {redact(full)}")


@app.command("down")
def down() -> None:
    """Stop the embedded server."""
    with open_services(_embedded()) as services:
        say("stopped" if services.server.stop() else "it was not running")


@app.command("status")
def status() -> None:
    """Say which database is used and how it stands."""
    from geofix.agent.settings import Settings  # noqa: PLC0415 - see `options`

    settings = Settings.from_environment()
    with open_services(settings) as services:
        if settings.database_url is not None:
            say(f"database_url  {redact(settings.database_url)}")
            services.open_for_runs()
            say("schema        up to date")
            return
        server = services.server.status()
        say(f"embedded      {'running' if server.running else 'not running'}")
        say(f"data          {server.data_dir}")
        if server.running:
            say(f"address       127.0.0.1:{server.port}, pid {server.pid}")
            say(f"version       {server.version}")


@app.command("upgrade")
def upgrade() -> None:
    """Bring the schema and LangGraph's tables up to date."""
    with open_services() as services:
        changed = services.upgrade()
    say("upgraded" if changed else "up to date")


@app.command("distribute")
def distribute(
    shards: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Parts to make of the vectors, each with an index of its own; as many as there are"
            " workers otherwise. More make room for workers that come later.",
        ),
    ] = None,
    build_memory_mb: Annotated[
        int | None,
        typer.Option(
            min=64,
            help="Memory in MB that a worker gives the building of an index; 2000 otherwise.",
        ),
    ] = None,
) -> None:
    """Spread the vectors over the workers of Citus; see docs/scaling.md.

    GEOFIX_DATABASE_URL names the coordinator, where the extension and the
    workers are there already. Says it is done once the settings of a search
    are known to reach every worker. May be run again.
    """
    from geofix.db import citus  # noqa: PLC0415 - see `options`

    with open_services() as services, err().status("asking the coordinator") as shown:
        done = citus.distribute(
            services.engine,
            shards=shards,
            build_memory_mb=build_memory_mb or citus.BUILD_MEMORY_MB,
            progress=lambda line: shown.update(plain(line)),
        )
    say(f"the vectors lie on {done.workers} workers, in {done.shards} shards; searches reach all")


def _embedded() -> Settings:
    from geofix.agent.settings import Settings  # noqa: PLC0415 - see `options`

    settings = Settings.from_environment()
    if settings.database_url is not None:
        raise DatabaseError(
            "the setting database_url names a server, so geofix does not run one of its own; start"
            " and stop that one by its own means, or unset the setting (`geofix config show` says"
            " where it is set)"
        )
    return settings
