"""`geofix config`: the settings in force, and the file that keeps them for this user."""

from __future__ import annotations

import json as json_format
import sys
from typing import Annotated

import typer
from rich.table import Table

from geofix.agent.cli.options import JsonFlag, printable
from geofix.agent.cli.terminal import out, plain, say, write_whole
from geofix.agent.errors import GeofixError
from geofix.db.plain_text import short, visible

app = typer.Typer(help="Settings: which are in force, and this user's own.", no_args_is_help=True)


@app.command("show")
def show(json: JsonFlag = False) -> None:
    """List every setting, its value, and where that is set.

    Keys, passwords and unknown options of URLs are blacked out. The first of
    these counts: an option of the command, a variable of the environment, the
    file of --env-file or GEOFIX_ENV_FILE, this user's file, the default. The
    working folder is not looked into.
    """
    from geofix.agent.settings import Settings  # noqa: PLC0415 - see `options`

    rows = Settings.from_environment().told()
    if json:
        told = [{"name": name, "value": value, "from": origin} for name, value, origin in rows]
        say(json_format.dumps(told, indent=2))
        return
    table = Table(box=None)
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for name, value, origin in rows:
        table.add_row(name, "" if value is None else plain(value), plain(origin))
    out().print(table)


@app.command("set")
def set_value(
    name: Annotated[str, typer.Argument(help="Of the setting, as `config show` lists it.")],
    value: Annotated[
        str,
        typer.Argument(
            help="Its value; '' removes it, and - reads it from standard input, where a key stands"
            " in no history.",
            callback=printable,
        ),
    ],
) -> None:
    """Keep a setting in this user's file.

    The value is checked first. Other lines and comments stay as they are, and
    only this user may read the file.
    """
    from geofix.agent.settings import Values, check_value  # noqa: PLC0415 - see `options`
    from geofix.agent.settings_files import LARGEST_BYTES, changed, read_file, user_file  # noqa: PLC0415

    known = name.lower().removeprefix("geofix_")
    if known not in Values.model_fields:
        raise GeofixError(
            f"{short(name)} is no setting; there are {', '.join(Values.model_fields)}"
        )
    path = user_file()
    given = _piped() if value == "-" else value
    kept = None if not given else _typed(known, given)
    if kept is not None:
        check_value(known, kept, "given here")
    text = changed(read_file(path) or "", path, known, kept)
    if len(text.encode()) > LARGEST_BYTES:
        raise GeofixError(f"the settings file {str(path)!r} would be too large; shorten the value")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise GeofixError(f"cannot make {str(path.parent)!r}: {error.strerror}") from error
    write_whole(path, text, private=True)
    say(f"{'removed' if kept is None else 'set'} {known} in {path}")


@app.command("path")
def show_path() -> None:
    """Print where this user's settings file is, or would be."""
    from geofix.agent.settings_files import user_file  # noqa: PLC0415 - see `options`

    say(str(user_file()))


def _piped() -> str:
    from geofix.agent.settings_files import LARGEST_BYTES  # noqa: PLC0415 - see `options`

    given = sys.stdin.read(LARGEST_BYTES + 1).strip()
    if visible(given) != given or len(given) > LARGEST_BYTES:
        raise GeofixError("standard input holds more than one line of printable text; give one")
    if not given:
        raise GeofixError(
            "standard input is empty; give the value there, or '' in place of - to remove it"
        )
    return given


def _typed(name: str, given: str) -> str | float | bool:
    """Return a value as TOML keeps it: numbers and truth values bare, all else as text."""
    from geofix.agent.settings import Values  # noqa: PLC0415 - see `options`

    try:
        read = getattr(Values.model_validate({name: given}), name)
    except ValueError:
        # Told by `check_value`.
        return given
    return read if isinstance(read, bool | int | float) else given
