"""The tree of commands, and how errors are shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from geofix.agent.cli import config, db, gallery, locate, models, schema, trail
from geofix.agent.cli.terminal import EXPLAINED, INTERRUPTED, err, exit_code, leave_interrupted
from geofix.agent.errors import GeofixError
from geofix.db.plain_text import visible

USAGE_ERROR: type[Any] = typer.BadParameter.__mro__[1]
"""The parser's class for a wrong command line; newer versions of typer bring a parser of their own
instead of click's, and name it in private modules only."""


class Commands(TyperGroup):
    """The tree of commands; control characters in a parser's error are escaped."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Parse the options before the command."""
        with _quoted():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with _quoted():
            return super().invoke(ctx)


@contextmanager
def _quoted() -> Iterator[None]:
    """Escape control characters in usage errors: a shell puts file names into a command line."""
    try:
        yield
    except USAGE_ERROR as error:
        error.message = visible(error.message)
        raise


app = typer.Typer(
    cls=Commands,
    name="geofix",
    help="Find out where a photo was taken, and show the evidence.",
    epilog=EXPLAINED,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def whole_app(
    context: typer.Context,
    env_file: Annotated[
        Path | None,
        typer.Option(
            "--env-file",
            metavar="FILE",
            help="Also read settings from this file, one GEOFIX_NAME=value a line. Default: the"
            " file that GEOFIX_ENV_FILE names, if it is set. A file named .env is never"
            " read unless it is named here or there.",
        ),
    ] = None,
) -> None:
    """Find out where a photo was taken, and show the evidence."""
    if env_file is not None:
        context.with_resource(_env_file(env_file))


@contextmanager
def _env_file(path: Path) -> Iterator[None]:
    """Set GEOFIX_ENV_FILE for this command and the processes it starts."""
    before = os.environ.get("GEOFIX_ENV_FILE")
    os.environ["GEOFIX_ENV_FILE"] = str(path.absolute())
    try:
        yield
    finally:
        os.environ.pop("GEOFIX_ENV_FILE")
        if before is not None:
            os.environ["GEOFIX_ENV_FILE"] = before


app.command("locate")(locate.locate_photo)
app.command("resume")(locate.resume_run)
app.command("prompt")(models.show_prompt)
app.command("trail")(trail.show_trail)
app.command("runs")(trail.list_runs)
app.command("schema")(schema.show_schema)
app.add_typer(gallery.app, name="gallery")
app.add_typer(models.app, name="models")
app.add_typer(db.app, name="db")
app.add_typer(config.app, name="config")
# Of layers above this one: `eval` and `calibrate` (geofix.evaluation). Declared by this package: to
# read what all packages declare takes as long as to import typer.
declared = distribution("geofix").entry_points.select(group="geofix.commands")
for command in sorted(declared, key=lambda point: point.name):
    app.command(command.name)(command.load())


def main() -> None:
    """Run the command line; an expected error is printed as one line without a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # The terminal's encoding may lack letters of place names and file names.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="geofix")
    except GeofixError as error:
        err().print(f"geofix: {visible(str(error))}", style="red", markup=False, soft_wrap=True)
        sys.exit(exit_code(error))
    except SystemExit as end:
        if end.code == INTERRUPTED:
            err().print(
                "geofix: interrupted; continue with `geofix resume RUN` (see `geofix runs`)"
            )
            leave_interrupted()
        raise
