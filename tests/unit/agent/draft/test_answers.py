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
    words = preset.system(shown) + preset.lists(shown) + preset.question(shown) + schema
    assert not re.search(r"\d[.,]\d|\b0, ?0\b|float", words)
    assert set(re.findall(r"\d+", words)) <= {"90", "180", "84", "25", "0", "1"}


def test_the_schema_asks_for_reasons_before_coordinates() -> None:
    fields = list(DraftAnswer.model_json_schema()["properties"])
    place = ["agrees_with_candidate", "latitude", "longitude"]
    assert fields == ["clues", "hypotheses", *place, "confidence"]
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
def test_only_coordinates_may_not_be_left_out(missing: str) -> None:
    said = {name: value for name, value in ANSWER.items() if name != missing}
    if missing in ("latitude", "longitude"):
        with pytest.raises(ValidationError, match=missing):
            DraftAnswer(**said)
        assert DraftAnswer(**{**said, "agrees_with_candidate": 1}).agrees_with_candidate == 1
    else:
        assert not getattr(DraftAnswer(**said), missing)


@pytest.mark.parametrize(
    "said",
    [
        {"lat": 48.8, "lng": 2.3},
        {"lat": "48.8 N", "lon": "2.3 E"},
        {"coordinates": [48.8, 2.3]},
        {"location": {"latitude": 48.8, "longitude": 2.3}, "city": "Paris"},
        {"answer": {"coordinates": {"lat": 48.8, "long": 2.3}}},
        {"name": "DraftAnswer", "arguments": {"latitude": 48.8, "longitude": 2.3}},
    ],
)
@pytest.mark.parametrize("schema", [DraftAnswer, PointAnswer])
def test_usual_names_and_wrappings_are_read(schema: type[AnyAnswer], said: Any) -> None:
    answer = schema.model_validate(said)
    assert (answer.latitude, answer.longitude) == (48.8, 2.3)


@pytest.mark.parametrize(
    "said",
    [
        {"type": "Point", "coordinates": [2.3, 48.8]},
        {"coordinates": [48.8]},
        {"answer": "Paris"},
        {"a": {"b": {"c": {"d": {"latitude": 48.8, "longitude": 2.3}}}}},
        {},
        [],
    ],
)
def test_what_may_mean_something_else_is_sent_back(said: Any) -> None:
    for schema in (DraftAnswer, PointAnswer):
        with pytest.raises(ValidationError):
            schema.model_validate(said)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (2, 2),
        ("2", 2),
        (2.0, 2),
        (2.5, None),
        (float("inf"), None),
        (10**40, None),
        ("Candidate 2", 2),
        ("none", None),
        (0, None),
        (True, None),
        ("Paris", None),
    ],
)
def test_the_number_of_a_candidate_is_read_or_there_is_none(said: Any, number: int | None) -> None:
    answer = DraftAnswer(**{**ANSWER, "agrees_with_candidate": said})
    assert answer.agrees_with_candidate == number


def test_prose_is_read_where_it_has_one_meaning() -> None:
    one = DraftAnswer.from_prose("Near the dome, at 48.886, 2.343.")
    assert isinstance(one, PointAnswer) and (one.latitude, one.longitude) == (48.886, 2.343)
    named = DraftAnswer.from_prose("I agree with candidate 2.")
    assert isinstance(named, DraftAnswer) and named.agrees_with_candidate == 2
    for text in ("48.8, 2.3 or 41.9, 12.5", "It is not candidate 2.", "Paris", "candidate 2 " * 20):
        assert DraftAnswer.from_prose(text) is None


def test_what_steers_a_terminal_is_written_out_of_what_a_model_says() -> None:
    clue = {"kind": "text", "observation": "a\0b\nc"}
    answer = DraftAnswer(**{**ANSWER, "clues": [clue], "hypotheses": ["\u202ec"]})
    assert (answer.clues[0].observation, answer.hypotheses) == (r"a\x00b c", [r"\u202ec"])


def test_a_kind_of_the_models_own_invention_does_not_cost_the_clue() -> None:
    clue = SeenClue(kind="smell", observation="bread")  # type: ignore[arg-type]
    assert (clue.kind, clue.observation) == ("other", "bread")
