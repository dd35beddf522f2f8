"""The commands in one tree, and what a shell sees of an error."""

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

from geofix.agent.cli import config, db, gallery, locate, models, trail
from geofix.agent.cli.terminal import EXPLAINED, INTERRUPTED, err, exit_code, leave_interrupted
from geofix.agent.errors import GeofixError
from geofix.db.plain_text import visible

USAGE_ERROR: type[Any] = typer.BadParameter.__mro__[1]
"""The parser's class for a wrong command line; newer versions of typer bring a parser of their own
instead of click's, and name it in private modules only."""


class Commands(TyperGroup):
    """The whole tree; what its parser quotes of a command line is written out."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Read the options of the whole app."""
        with _quoted():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        with _quoted():
            return super().invoke(ctx)


@contextmanager
def _quoted() -> Iterator[None]:
    """Keep what a shell made of `*.jpg` in a stranger's folder from steering the terminal."""
    try:
        yield
    except USAGE_ERROR as error:
        error.message = visible(error.message)
        raise


app = typer.Typer(
    cls=Commands,
    name="geofix",
    help="A photo in, a position fix with its evidence out.",
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
            help="Read settings from this file too, as lines GEOFIX_MODEL=...; GEOFIX_ENV_FILE"
            " otherwise. No such file is looked for unasked.",
        ),
    ] = None,
) -> None:
    """A photo in, a position fix with its evidence out."""
    if env_file is not None:
        context.with_resource(_env_file(env_file))


@contextmanager
def _env_file(path: Path) -> Iterator[None]:
    """Name the settings file for this command and the processes it starts."""
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
app.command("trail")(trail.show_trail)
app.command("runs")(trail.list_runs)
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
    """Run the command line; an error on purpose is one line, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Place names and file names have letters that the terminal's encoding may lack.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="geofix")
    except GeofixError as error:
        err().print(f"geofix: {visible(str(error))}", style="red", markup=False, soft_wrap=True)
        sys.exit(exit_code(error))
    except SystemExit as end:
        if end.code == INTERRUPTED:
            err().print(
                "geofix: interrupted; `geofix resume RUN` goes on, `geofix runs` lists runs"
            )
            leave_interrupted()
        raise
