"""The settings files: the one a person names and the user's own, which geofix can write."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

import platformdirs
from dotenv import dotenv_values
from dotenv.parser import parse_stream

from geofix.agent.errors import SettingError
from geofix.db.plain_text import short

LARGEST_BYTES = 65_536
"""Largest settings file; one with all settings and a comment to each has 3,000 bytes."""

PREFIX = "GEOFIX_"

COMPOSE = frozenset({"GEOFIX_DB_PASSWORD", "GEOFIX_PHOTOS"})
"""Variables of docker-compose.yml, which Docker reads from the same `.env`; not settings."""

ONE_LINE = re.compile(
    r"""[^=]*+=[ \t]*+(?:"(?:[^"\\]|\\.)*+"|'[^']*+'|[^#"'\s]++(?:[ ][^#"'\s]++)*+)"""
)
"""A setting whose value is on one line: quoted text, a number, a date or a boolean."""

RELATIVE = re.compile(r"(transformers:)?\.{1,2}(/|\\|$)")
"""A relative path."""

Layer = dict[str, tuple[Any, str]]
"""Value and origin of each setting from one source."""


def user_file() -> Path:
    """Return the path of the user's settings file, which need not exist.

    Raises:
        SettingError: That would depend on the folder geofix is run in.
    """
    path = platformdirs.user_config_path("geofix", appauthor=False) / "config.toml"
    if not path.is_absolute():
        raise SettingError(
            f"the settings file {str(path)!r} is a relative path, which depends on where geofix"
            " runs; set XDG_CONFIG_HOME or HOME to an absolute path"
        )
    return path


def env_file_layer(path: Path, variables: Mapping[str, tuple[str, ...]]) -> Layer:
    """Read the settings file that --env-file or GEOFIX_ENV_FILE names.

    Args:
        path: Of the file.
        variables: How each setting is spelled there, the strongest first. Lines of other programs
            are left alone.

    Raises:
        SettingError: It cannot be read, or holds a line that is none or an unknown setting.
    """
    text = read_file(path)
    if text is None:
        raise SettingError(
            f"the settings file {str(path)!r} does not exist; correct --env-file or"
            " GEOFIX_ENV_FILE, or leave it out"
        )
    for line in parse_stream(StringIO(text)):
        if line.error:
            raise SettingError(
                f"line {line.original.line} of the settings file {str(path)!r} is not written as"
                " NAME=value; correct it"
            )
    given = {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value}
    known = {spelling for spellings in variables.values() for spelling in spellings}
    for name in given:
        if name.startswith(PREFIX) and name not in known | COMPOSE:
            raise _unknown(name, path, known)
    layer: Layer = {}
    for name, spellings in variables.items():
        for spelling in spellings:
            if spelling in given:
                layer[name] = given[spelling], f"{spelling} in {str(path)!r}"
                break
    require_from_root(layer)
    return layer


def user_file_layer(names: Collection[str]) -> Layer:
    """Read the user's settings file; a missing file has no settings.

    Raises:
        SettingError: It cannot be read, or holds an unknown setting.
    """
    path = user_file()
    given = parsed(read_file(path) or "", path)
    for name in given:
        if name not in names:
            raise _unknown(name, path, names)
    layer: Layer = {
        name: (value, f"{name} in {str(path)!r}") for name, value in given.items() if value != ""
    }
    require_from_root(layer)
    return layer


def read_file(path: Path) -> str | None:
    """Return a settings file's text; none if the file does not exist.

    Raises:
        SettingError: It is no file, too large, not in UTF-8, or may not be read.
    """
    told = f"the settings file {str(path)!r}"
    try:
        if not path.exists():
            return None
        if not path.is_file():
            raise SettingError(f"{told} is not a regular file; move it away, or choose another")
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
        if len(data) > LARGEST_BYTES:
            raise SettingError(
                f"{told} has more than {LARGEST_BYTES:,} bytes, so it is probably not a settings"
                " file; move it away, or choose another"
            )
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SettingError(
            f"{told} cannot be read: {error}. Save it as UTF-8, or move it away"
        ) from error


def parsed(text: str, path: Path) -> dict[str, Any]:
    """Parse the text of a user's settings file.

    Raises:
        SettingError: It is no TOML.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingError(
            f"the settings file {str(path)!r} is not valid TOML: {error}. Write lines such as"
            ' encoder = "efficientnet-lite0"'
        ) from error


def changed(text: str, path: Path, name: str, value: str | float | bool | None) -> str:
    """Return the text of a user's settings file with one setting changed and nothing else.

    Args:
        text: Of the file.
        path: Of the file, for errors.
        name: Of the setting.
        value: None removes it.

    Raises:
        SettingError: It is no TOML, or the setting is written over several lines.
    """
    before = parsed(text, path)
    wanted = {key: kept for key, kept in before.items() if key != name}
    lines = text.splitlines(keepends=True)
    line = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=")
    at = next((at for at, one in enumerate(lines) if line.match(one)), None)
    if value is None:
        written = ""
    else:
        wanted[name] = value
        # JSON writes text and numbers as TOML reads them.
        written = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    if at is not None:
        comment = _comment(lines[at])
        end = lines[at][len(lines[at].rstrip("\r\n")) :]
        lines[at] = written and f"{written}{comment}{end or chr(10)}"
    elif written:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(f"{written}\n")
    new = "".join(lines)
    try:
        kept = tomllib.loads(new) == wanted
    except tomllib.TOMLDecodeError:
        kept = False
    if not kept:
        raise SettingError(
            f"the setting {name} cannot be changed in {str(path)!r} without changing other"
            " lines; edit the file by hand"
        )
    return new


def _comment(line: str) -> str:
    """Return the comment at the end of a line, with the space before it."""
    bare = line.rstrip("\r\n")
    setting = ONE_LINE.match(bare)
    rest = "" if setting is None else bare[setting.end() :]
    return rest if rest.lstrip().startswith("#") else ""


def require_from_root(layer: Layer) -> None:
    """Refuse a relative path to a model: the working folder would decide whose model is loaded.

    Raises:
        SettingError: A setting names one so.
    """
    for name in ("encoder", "image_place", "model"):
        value, origin = layer.get(name, ("", ""))
        if isinstance(value, str) and RELATIVE.match(value):
            raise SettingError(
                f"the setting {name} cannot be {value!r} ({origin}): it is a relative path,"
                " which depends on where geofix runs; write an absolute path"
            )


def _unknown(name: str, path: Path, known: Collection[str]) -> SettingError:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(sorted(known))}"
    return SettingError(
        f"the settings file {str(path)!r} has {short(name)}, which is not a setting; {hint}"
    )
