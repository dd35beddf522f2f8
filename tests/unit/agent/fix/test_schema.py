"""The contract's schema: frozen, described, and written in the docs."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from geofix.agent.answer import Code
from geofix.agent.fix import Fix, fix_schema
from geofix.agent.fix.present import present
from geofix.agent.state import Asked, Settled
from tests.schema_changes import Schema, breaking_changes

ROOT = Path(__file__).parents[4]

FROZEN: Schema = json.loads((ROOT / "tests" / "data" / "fix-1.json").read_text(encoding="utf-8"))
"""Version 1 as it was first published. It stays as it is for as long as there is a version 1."""


def test_version_1_keeps_its_promise() -> None:
    assert breaking_changes(FROZEN, fix_schema()) == []


def parts(schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield "Fix", schema
    yield from schema["$defs"].items()


def test_every_field_is_described_and_no_field_of_a_later_version_refused() -> None:
    for name, part in parts(fix_schema()):
        assert part["description"], name
        assert "additionalProperties" not in part, name
        for field, value in part["properties"].items():
            assert value.get("description"), f"{name}.{field}"


Change = Callable[[Schema], Any]

BREAKING: dict[str, tuple[Change, str]] = {
    "removed": (lambda new: new["properties"].pop("usage"), "$.usage was removed"),
    "removed deep down": (
        lambda new: new["$defs"]["FixCandidate"]["properties"].pop("score"),
        "$.candidates[].score was removed",
    ),
    "renamed": (
        lambda new: new["properties"].update(trace=new["properties"].pop("run")),
        "$.run was removed",
    ),
    "retyped": (
        lambda new: new["$defs"]["Position"]["properties"]["radius_m"].update(type="number"),
        "$.position.radius_m was integer and is number",
    ),
    "made null": (
        lambda new: new["properties"].update(run={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "$.run was string and is null or string",
    ),
    "made a list": (
        lambda new: new["$defs"]["FixEvidence"]["properties"].update(
            supports={"type": "array", "items": {"type": "integer"}}
        ),
        "$.evidence[].supports[] was string and is integer",
    ),
    "a value less": (
        lambda new: new["properties"]["status"]["enum"].remove("waiting"),
        "$.status can no longer be 'waiting'",
    ),
    "a value more": (
        lambda new: new["properties"]["status"]["enum"].append("queued"),
        "$.status can be 'queued', which no client knows",
    ),
    "a code less": (
        lambda new: new["$defs"]["Reason"]["properties"]["code"]["anyOf"][0]["enum"].remove(
            "ambiguous"
        ),
        "$.reasons[].code can no longer be 'ambiguous'",
    ),
    "another version": (
        lambda new: new["properties"]["schema"].update(const="geofix.fix/2"),
        "$.schema can no longer be 'geofix.fix/1'",
    ),
    "opened": (
        lambda new: new["properties"]["status"].pop("enum"),
        "$.status was one of a list and can be anything",
    ),
    "other limits": (
        lambda new: new["$defs"]["Confidence"]["properties"]["probability"].update(maximum=100),
        "$.confidence[].probability had the limits",
    ),
    "not always there": (
        lambda new: new["required"].remove("position"),
        "$.position was always there and can be missing",
    ),
    "new and required": (
        lambda new: (
            new["properties"].update(extra={"type": "string"}),
            new["required"].append("extra"),
        ),
        "$.extra is new and required",
    ),
}


@pytest.mark.parametrize("change", BREAKING)
def test_a_change_that_breaks_clients_is_found(change: str) -> None:
    make, said = BREAKING[change]
    new = copy.deepcopy(FROZEN)
    make(new)
    found = breaking_changes(FROZEN, new)
    assert any(line.startswith(said) for line in found), found


def renamed_definition(new: Schema) -> None:
    new["$defs"]["Elsewhere"] = new["$defs"].pop("Usage")
    new["properties"]["usage"]["$ref"] = "#/$defs/Elsewhere"


ALLOWED: dict[str, Change] = {
    "a field": lambda new: new["properties"].update(extra={"type": "string", "default": ""}),
    "a kind": lambda new: new["$defs"]["FixEvidence"]["properties"]["kind"]["anyOf"][0][
        "enum"
    ].append("sign"),
    "a code": lambda new: new["$defs"]["Reason"]["properties"]["code"]["anyOf"][0]["enum"].append(
        "another"
    ),
    "another text": lambda new: new["properties"]["run"].update(description="Other words."),
    "another name of a definition": renamed_definition,
}


@pytest.mark.parametrize("change", ALLOWED)
def test_what_is_added_breaks_nobody(change: str) -> None:
    new = copy.deepcopy(FROZEN)
    ALLOWED[change](new)
    assert new != FROZEN and breaking_changes(FROZEN, new) == []


def document() -> dict[str, Any]:
    fix = present(Settled(), Asked(run="r", thread="t", photo="sha256:0"))
    read: dict[str, Any] = json.loads(fix.model_dump_json())
    return read


def test_an_answer_of_a_later_version_1_is_read_and_one_of_version_2_is_not() -> None:
    later = document()
    later |= {"extra": 1, "warnings": [{"code": "not_known_yet", "text": "so", "more": 2}]}
    later["method"]["extra"] = 1
    fix = Fix.read(json.dumps(later))
    assert (fix.warnings[0].code, fix.warnings[0].text) == ("not_known_yet", "so")
    assert Fix.read(json.loads(fix.model_dump_json())) == fix
    # What geofix writes has no other field.
    with pytest.raises(ValidationError, match="extra"):
        Fix.model_validate(later)
    with pytest.raises(ValidationError, match=r"geofix\.fix/1"):
        Fix.read({**document(), "schema": "geofix.fix/2"})


def test_every_code_has_a_meaning_and_is_said_somewhere() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("agent", "evaluation")
        for path in (ROOT / folder).rglob("*.py")
    )
    for code in Code:
        assert code.meaning.endswith(".") and code.value == code.name.lower()
        # One that is not said any more stays: answers of earlier versions have it.
        assert f"Code.{code.name}" in sources or "earlier versions" in code.meaning, code
