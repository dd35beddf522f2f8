"""The options of a run as flags, the same for every command that starts runs.

They are made of `agent/run/option_table.py`, so a flag has the name of its option: `negatives_by`
is `--negatives-by` here, and `negatives_by=far` to `geofix eval --ablate`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_type_hints

import typer

from geofix.agent.cli.options import named
from geofix.agent.run.option_table import OPTIONS, Kind, RunOption

FLAGS = {"galleries": "--gallery"}
"""Flags that do not have the name of their option: this one is given once for each gallery."""

PANEL = "Options of the run"

RUN_OPTIONS = "run_options"
"""The parameter of a command that takes the options given, by name."""


def with_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a flag for each option of a run.

    Args:
        command: It has a parameter `run_options`, which gets those that were given, by name.
    """
    hints = get_type_hints(command, include_extras=True)
    signature = inspect.signature(command)
    own = [
        each.replace(annotation=hints[name])
        for name, each in signature.parameters.items()
        if name != RUN_OPTIONS
    ]
    flags = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_flag(name, option)
        )
        for name, option in OPTIONS.items()
    ]

    @functools.wraps(command)
    def run(*args: Any, **values: Any) -> None:
        given = {name: values.pop(name) for name in OPTIONS}
        command(*args, **values, **{RUN_OPTIONS: _chosen(given)})

    # What typer reads, in place of the signature of the command itself.
    seen: Any = run
    seen.__signature__ = signature.replace(parameters=[*own, *flags])
    seen.__annotations__ = {each.name: each.annotation for each in [*own, *flags]}
    del seen.__wrapped__
    return run


def _chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: value for name, value in given.items() if value not in (None, [])}
    if "galleries" in chosen:
        chosen["galleries"] = tuple(chosen["galleries"])
    return chosen


def _above(least: float) -> Callable[[float | None], float | None]:
    def checked(value: float | None) -> float | None:
        if value is not None and not value > least:
            raise typer.BadParameter(f"{value!r} is not greater than {least:g}")
        return value

    return checked


METAVARS: dict[Kind, str] = {"whole": "N", "number": "X", "names": "NAME", "choice": "WORD"}
"""Shorter than what typer makes of types, which leaves no room for words."""


def _flag(name: str, option: RunOption) -> Any:
    flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
    unsaid = [word for word in option.choices if f"'{word}'" not in option.help]
    words = f" One of {', '.join(option.choices)}." if unsaid else ""
    more: dict[str, Any] = {
        "help": f"{option.help}{words} {option.default_told()}".strip(),
        "metavar": METAVARS.get(option.kind),
        "rich_help_panel": PANEL,
    }
    if option.kind == "yes or no":
        return Annotated[bool | None, typer.Option(f"{flag}/--no-{flag[2:]}", **more)]
    if option.kind == "names":
        return Annotated[list[str] | None, typer.Option(flag, callback=named, **more)]
    if option.kind == "choice":
        return Annotated[Literal[option.choices] | None, typer.Option(flag, **more)]
    more |= {"min": option.low, "max": option.high}
    if option.above is not None:
        more["callback"] = _above(option.above)
    kind: Any = int if option.kind == "whole" else float
    return Annotated[kind | None, typer.Option(flag, **more)]
