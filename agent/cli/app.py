"""The commands in one tree, and what a shell sees of an error."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from io import TextIOWrapper

import typer

from geofix.agent.cli import db, exits, gallery, locate, models, trail
from geofix.agent.cli.interrupts import leave_interrupted
from geofix.agent.cli.terminal import err, visible
from geofix.agent.errors import GeofixError

app = typer.Typer(
    name="geofix",
    help="A photo in, a position fix with its evidence out.",
    epilog=exits.EXPLAINED,
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
app.add_typer(models.app, name="models")
app.add_typer(db.app, name="db")
for command in sorted(entry_points(group="geofix.commands"), key=lambda point: point.name):
    # Of layers above this one: `eval` and `calibrate` (geofix.evaluation).
    app.command(command.name)(command.load())


def main() -> None:
    """Run the command line; an error on purpose is one line, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Place names and file names have letters that the terminal's encoding may lack.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="geofix")
    except GeofixError as error:
        err().print(f"geofix: {visible(str(error))}", style="red", markup=False, soft_wrap=True)
        sys.exit(exits.exit_code(error))
    except SystemExit as end:
        if end.code == exits.INTERRUPTED:
            err().print(
                "geofix: interrupted; `geofix resume RUN` goes on, `geofix runs` lists runs"
            )
            leave_interrupted()
        raise
