from __future__ import annotations

import pytest
from typer.testing import CliRunner

from geofix.agent import errors
from geofix.agent.cli import app
from geofix.agent.cli import terminal as exits
from geofix.agent.context import Context


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_the_exit_code_that_the_help_says(name: str) -> None:
    error = getattr(errors, name)("x")
    asked = name in {
        "AlreadyDecided", "OptionError", "PhotoError", "RegionError", "RunBusy", "SourceError",
        "TrailError",
    }  # fmt: skip
    assert exits.exit_code(error) == (4 if asked else 5)


def test_the_codes_differ_and_the_help_names_each() -> None:
    given = [exits.ABSTAINED, exits.BAD_INPUT, exits.SET_UP, exits.REJECTED, exits.CANNOT_DRAFT]
    codes = [*given, exits.INTERRUPTED]
    assert len({*codes, exits.PIPE, 0, 1, 2}) == 10
    for code in (0, 1, 2, *codes):
        assert f" {code} " in exits.EXPLAINED


def test_the_rounds_the_command_line_allows_are_those_a_run_allows() -> None:
    help_text = CliRunner().invoke(app.app, ["locate", "--help"]).output
    schema = Context.model_json_schema()["properties"]["max_rounds"]
    assert f"[{schema['minimum']}<=x<={schema['maximum']}]" in help_text
