"""`geofix db`: start, stop, check, upgrade and distribute the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from geofix.agent.cli.options import open_services
from geofix.agent.cli.terminal import err, escaped, say
from geofix.agent.errors import DatabaseError
from geofix.db.plain_text import redact

if TYPE_CHECKING:
    from geofix.agent.settings import Settings

app = typer.Typer(help="Manage the database: the embedded one, or your own.", no_args_is_help=True)


@app.command("up")
def up(
    url: Annotated[
        bool, typer.Option("--url", help="Print the full URL, including the password.")
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
        say("stopped" if services.server.stop() else "the embedded server was not running")


@app.command("status")
def status() -> None:
    """Show which database is used and whether it is ready."""
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
    """Update the schema and LangGraph's tables to this version of geofix."""
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
            help="Number of parts to split the vectors into; each has its own index. Default:"
            " one for each worker. Choose more if you will add workers later.",
        ),
    ] = None,
    build_memory_mb: Annotated[
        int | None,
        typer.Option(
            min=64,
            help="Memory in MB that each worker may use to build an index. Default: 2000.",
        ),
    ] = None,
) -> None:
    """Spread the vectors over the workers of Citus; see docs/scaling.md.

    GEOFIX_DATABASE_URL must name a coordinator that has the extension and its
    workers. The command checks that the settings of a search reach every
    worker. It is safe to run again.
    """
    from geofix.db import citus  # noqa: PLC0415 - see `options`

    with open_services() as services, err().status("asking the coordinator") as shown:
        done = citus.distribute(
            services.engine,
            shards=shards,
            build_memory_mb=build_memory_mb or citus.BUILD_MEMORY_MB,
            progress=lambda line: shown.update(escaped(line)),
        )
    say(
        f"the vectors are spread over {done.workers} workers in {done.shards} shards, and"
        " searches reach all of them"
    )


def _embedded() -> Settings:
    from geofix.agent.settings import Settings  # noqa: PLC0415 - see `options`

    settings = Settings.from_environment()
    if settings.database_url is not None:
        raise DatabaseError(
            "the setting database_url names a server, and geofix can only start and stop its"
            " own. Manage that server directly, or remove the setting (`geofix config show`"
            " says where it is set)"
        )
    return settings
