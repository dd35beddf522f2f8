"""Answers as models write them: fenced, in prose, after a train of thought, cut, or none."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from geofix.tools.parsing import legible, parse_answer


class Spot(BaseModel):
    name: str
    latitude: float | None


PARIS = '{"name": "Paris", "latitude": 48.8}'


@pytest.mark.parametrize(
    "text",
    [
        PARIS,
        f"```json\n{PARIS}\n```",
        f"The dome tells it.\n{PARIS}\nI hope this helps!",
        f'<think>maybe {{"name": "Rome"}} or {{x}}</think>{PARIS}',
        f'{{"name": "Rome", "latitude": 41.9}} No, wait: {PARIS}',
        f"\ufeff  {PARIS}",
    ],
)
def test_the_object_is_found_wherever_it_stands(text: str) -> None:
    parsed, problem = parse_answer(text, Spot)
    assert parsed == Spot(name="Paris", latitude=48.8)
    assert problem == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("It is Paris.", "it holds no JSON object"),
        ("[48.8, 2.3]", "it holds no JSON object"),
        (PARIS[:-5], "cut off"),
        ('{"name": "Paris", "latitude": "north"}', "latitude: "),
        ('{"latitude": 48.8}', "name: Field required"),
        ("{'name': 'Paris'}", "broken"),
        ("{" * 5000, "broken"),
        ('{"a":' * 100_000, "broken"),
    ],
)
def test_what_is_wrong_is_said(text: str, problem: str) -> None:
    parsed, said = parse_answer(text, Spot)
    assert parsed is None
    assert problem in said


def test_an_object_cut_off_is_not_mistaken_for_one_inside_it() -> None:
    parsed, said = parse_answer('{"clues": [{"kind": "text"}], "name": "Par', Spot)
    assert parsed is None
    assert "cut off" in said


def test_what_postgres_cannot_hold_is_taken_out() -> None:
    assert legible("a\0b\ud800c é") == "ab?c é"
    json.dumps(legible("\udfff"), ensure_ascii=False).encode()
