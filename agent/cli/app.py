"""The commands in one tree, and what a shell sees of an error."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from geofix.agent.cli import db, gallery, locate, trail
from geofix.agent.errors import GeofixError, PhotoError, RegionError, SourceError

EXIT_ABSTAINED = locate.EXIT_ABSTAINED
EXIT_BAD_INPUT = 4
EXIT_SET_UP = 5

EXIT_CODES = (
    "Exit codes: 0 done, a position was found; 1 a fault in geofix; 2 a wrong command line;"
    f" {EXIT_ABSTAINED} no position: abstained, or waiting for a person; {EXIT_BAD_INPUT} the"
    f" photo, the table or the region is unusable; {EXIT_SET_UP} the database, the gallery, the"
    f" encoder or the model is not set up; {gallery.EXIT_REJECTED} a photo was left out of a"
    " gallery."
)

app = typer.Typer(
    name="geofix",
    help="A photo in, a position fix with its evidence out.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("locate")(locate.locate_photo)
app.command("resume")(locate.resume_run)
app.command("trail")(trail.show_trail)
app.command("runs")(trail.list_runs)
app.add_typer(gallery.app, name="gallery")
app.add_typer(db.app, name="db")


def main() -> None:
    """Run the command line; an error on purpose is one line, not a traceback."""
    try:
        app()
    except GeofixError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"geofix: {error}", style="red", markup=False
        )
        bad_input = isinstance(error, PhotoError | RegionError | SourceError)
        sys.exit(EXIT_BAD_INPUT if bad_input else EXIT_SET_UP)
