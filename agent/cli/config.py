"""`geofix config`: show the settings in force, and change this user's settings file."""

from __future__ import annotations

import json as json_format
import sys
from typing import Annotated

import typer
from rich.table import Table

from geofix.agent.cli.options import JsonFlag, printable
from geofix.agent.cli.terminal import escaped, out, say, write_whole
from geofix.agent.errors import SettingError
from geofix.db.plain_text import short, visible

app = typer.Typer(help="Show and change settings.", no_args_is_help=True)


@app.command("show")
def show(json: JsonFlag = False) -> None:
    """List every setting, its value, and where it is set.

    Keys, passwords and unknown options of URLs are hidden. A setting takes the
    first value found in this order: the command's option; the environment
    variable; the file of --env-file or GEOFIX_ENV_FILE; this user's settings
    file; the default. The working folder is never searched.
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
        table.add_row(name, "" if value is None else escaped(value), escaped(origin))
    out().print(table)


@app.command("set")
def set_value(
    name: Annotated[str, typer.Argument(help="Name of the setting, as `config show` lists it.")],
    value: Annotated[
        str,
        typer.Argument(
            help="Its value. '' removes the setting. - reads the value from standard input,"
            " which keeps a key out of the shell's history.",
            callback=printable,
        ),
    ],
) -> None:
    """Save a setting in this user's settings file.

    The value is checked first. Other lines and comments are kept. Only this
    user can read the file.
    """
    from geofix.agent.settings import Values, check_value  # noqa: PLC0415 - see `options`
    from geofix.agent.settings_files import LARGEST_BYTES, changed, read_file, user_file  # noqa: PLC0415

    known = name.lower().removeprefix("geofix_")
    if known not in Values.model_fields:
        raise SettingError(
            f"{short(name)} is not a setting; the settings are {', '.join(Values.model_fields)}"
        )
    path = user_file()
    given = _piped() if value == "-" else value
    kept = None if not given else _typed(known, given)
    if kept is not None:
        check_value(known, kept, "from the command line")
    text = changed(read_file(path) or "", path, known, kept)
    if len(text.encode()) > LARGEST_BYTES:
        raise SettingError(f"the settings file {str(path)!r} would be too large; shorten the value")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            f"cannot create the folder {str(path.parent)!r}: {error.strerror}"
        ) from error
    write_whole(path, text, private=True)
    say(f"{'removed' if kept is None else 'set'} {known} in {path}")


@app.command("path")
def show_path() -> None:
    """Print the path of this user's settings file, even if it does not exist yet."""
    from geofix.agent.settings_files import user_file  # noqa: PLC0415 - see `options`

    say(str(user_file()))


def _piped() -> str:
    from geofix.agent.settings_files import LARGEST_BYTES  # noqa: PLC0415 - see `options`

    given = sys.stdin.read(LARGEST_BYTES + 1).strip()
    if visible(given) != given or len(given) > LARGEST_BYTES:
        raise SettingError("standard input must contain exactly one line of printable text")
    if not given:
        raise SettingError(
            "standard input is empty; write the value there, or pass '' instead of - to remove"
            " the setting"
        )
    return given


def _typed(name: str, given: str) -> str | float | bool:
    """Return a value as TOML stores it: numbers and booleans as such, everything else as text."""
    from geofix.agent.settings import Values  # noqa: PLC0415 - see `options`

    try:
        read = getattr(Values.model_validate({name: given}), name)
    except ValueError:
        # `check_value` reports it.
        return given
    return read if isinstance(read, bool | int | float) else given
