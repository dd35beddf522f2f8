"""What a model may answer: strict in what is asked for, forgiving in how a number is written."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from geofix.agent.draft.answers import AnyAnswer, DraftAnswer, PointAnswer, SeenClue
from geofix.agent.draft.presets import PRESETS
from tests.unit.agent.answers import ANSWER, lists


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
@pytest.mark.parametrize("neighbours", [0, 5])
def test_no_words_of_ours_hold_a_number_that_could_pass_for_an_answer(
    preset: Any, neighbours: int
) -> None:
    shown = lists([], [], neighbours=neighbours)
    schema = json.dumps(preset.schema.model_json_schema())
    words = preset.system(shown) + preset.lists(shown) + schema
    assert not re.search(r"\d[.,]\d|\b0, ?0\b|float", words)
    assert set(re.findall(r"\d+", words)) <= {"90", "180", "84", "25", "0", "1"}


def test_the_schema_asks_for_reasons_before_coordinates() -> None:
    fields = list(DraftAnswer.model_json_schema()["properties"])
    assert fields == ["clues", "hypotheses", "can_tell", "latitude", "longitude", "confidence"]
    assert list(PointAnswer.model_json_schema()["properties"]) == ["latitude", "longitude"]


@pytest.mark.parametrize("answer", [DraftAnswer, PointAnswer])
def test_the_schema_holds_only_what_strict_modes_take(answer: type[BaseModel]) -> None:
    schema = answer.model_json_schema()
    for part in (schema, *schema.get("$defs", {}).values()):
        assert part["required"] == list(part["properties"])
    refused = {"minimum", "maximum", "default", "maxLength", "minLength", "format", "pattern"}
    assert not refused & set(re.findall(r'"(\w+)":', json.dumps(schema)))


@pytest.mark.parametrize(
    ("latitude", "longitude", "read"),
    [
        (48, 2, (48.0, 2.0)),
        ("48.8566", "2.3522", (48.8566, 2.3522)),
        ("48,8566", "-2,3522", (48.8566, -2.3522)),
        ("48°51'30\"N", "2°21'07\"W", (48.858333, -2.351944)),
        ("33.87 S", "E 151.2", (-33.87, 151.2)),
    ],
)
@pytest.mark.parametrize("schema", [DraftAnswer, PointAnswer])
def test_a_number_may_be_written_in_many_ways(
    schema: type[AnyAnswer], latitude: Any, longitude: Any, read: tuple[float, float]
) -> None:
    written = json.dumps({**ANSWER, "latitude": latitude, "longitude": longitude})
    answer = schema.model_validate_json(written)
    assert (answer.latitude, answer.longitude) == pytest.approx(read, abs=1e-6)


@pytest.mark.parametrize(
    ("latitude", "why"),
    [
        ("2.35 E", "'2.35 E' is not a latitude; latitude and longitude are swapped"),
        ("48.85, 2.35", "'48.85, 2.35' is not a latitude; give one number"),
        (True, "True is not a latitude"),
        ([48.85], "valid number"),
    ],
)
def test_what_is_no_latitude_is_sent_back_with_the_reason(latitude: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(why)):
        DraftAnswer(**{**ANSWER, "latitude": latitude})


def test_a_guess_has_to_be_one_and_a_reasoned_answer_may_be_none() -> None:
    assert DraftAnswer(**{**ANSWER, "latitude": "unknown"}).latitude is None
    with pytest.raises(ValidationError, match="valid number"):
        PointAnswer(latitude=None, longitude=2.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("confidence", [-0.1, 1.1, 85, float("nan"), float("inf")])
def test_a_confidence_that_is_no_chance_is_sent_back(confidence: float) -> None:
    with pytest.raises(ValidationError, match="from 0 to 1"):
        DraftAnswer(**{**ANSWER, "confidence": confidence})


@pytest.mark.parametrize("missing", list(ANSWER))
def test_no_field_may_be_left_out(missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        DraftAnswer(**{name: value for name, value in ANSWER.items() if name != missing})


def test_what_steers_a_terminal_is_written_out_of_what_a_model_says() -> None:
    clue = {"kind": "text", "observation": "a\0b\nc"}
    answer = DraftAnswer(**{**ANSWER, "clues": [clue], "hypotheses": ["\u202ec"]})
    assert (answer.clues[0].observation, answer.hypotheses) == (r"a\x00b c", [r"\u202ec"])


def test_a_kind_of_the_models_own_invention_does_not_cost_the_clue() -> None:
    clue = SeenClue(kind="smell", observation="bread")  # type: ignore[arg-type]
    assert (clue.kind, clue.observation) == ("other", "bread")
