"""`geofix schema`: the JSON Schema of what geofix answers with."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from geofix.agent.cli.terminal import say


def show_schema(
    name: Annotated[
        Literal["fix"], typer.Argument(help="fix: the answer to a photo (docs/answer.md).")
    ],
) -> None:
    """Print the JSON Schema of an answer."""
    from geofix.agent.fix import fix_schema  # noqa: PLC0415 - see `options`

    say(json.dumps({"fix": fix_schema}[name](), indent=2))
