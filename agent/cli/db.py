"""`geofix db`: the database, embedded or your own."""

from __future__ import annotations

import typer

from geofix.agent.errors import DatabaseError
from geofix.agent.settings import Settings

app = typer.Typer(
    help="The database: geofix's embedded one, or DATABASE_URL.", no_args_is_help=True
)


@app.command("up")
def up() -> None:
    """Start the embedded server and keep it running."""
    from geofix.agent.services import Services  # noqa: PLC0415 - `--help` need not load it

    with Services(_embedded()) as services:
        services.server.keep_running()
        services.upgrade()
        typer.echo(f"running at {services.server.url()}")


@app.command("down")
def down() -> None:
    """Stop the embedded server."""
    from geofix.agent.services import Services  # noqa: PLC0415 - `--help` need not load it

    with Services(_embedded()) as services:
        typer.echo("stopped" if services.server.stop() else "it was not running")


@app.command("status")
def status() -> None:
    """Say which database is used and how it stands."""
    from geofix.agent.services import Services  # noqa: PLC0415 - `--help` need not load it
    from geofix.db.engine import redact  # noqa: PLC0415

    settings = Settings.from_environment()
    with Services(settings) as services:
        if settings.database_url is not None:
            typer.echo(f"DATABASE_URL  {redact(settings.database_url)}")
            _ = services.engine
            typer.echo("schema        up to date")
            return
        server = services.server.status()
        typer.echo(f"embedded      {'running' if server.running else 'not running'}")
        typer.echo(f"data          {server.data_dir}")
        if server.running:
            typer.echo(f"address       127.0.0.1:{server.port}, pid {server.pid}")
            typer.echo(f"version       {server.version}")


@app.command("upgrade")
def upgrade() -> None:
    """Bring the schema and LangGraph's tables up to date."""
    from geofix.agent.services import Services  # noqa: PLC0415 - `--help` need not load it

    with Services() as services:
        changed = services.upgrade()
    typer.echo("upgraded" if changed else "up to date")


def _embedded() -> Settings:
    settings = Settings.from_environment()
    if settings.database_url is not None:
        raise DatabaseError(
            "DATABASE_URL is set, so geofix does not run a server of its own; start and stop that"
            " one by its own means, or unset DATABASE_URL"
        )
    return settings
