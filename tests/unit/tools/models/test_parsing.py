"""Answers as models write them: fenced, in prose, after a train of thought, cut, or none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from geofix.tools.models import reply as parsing
from geofix.tools.models.reply import Spoken, legible, parse_answer


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
        f"[{PARIS}]",
        f'[{{"name": "Rome"}}] or rather {PARIS}',
        "{x} {y} " * 50 + PARIS,
        "{" * 100_000 + PARIS,
        "{}" * 100 + PARIS,
        '{"a", "b"} ' * 200 + PARIS,
        f'The set {{a, "b" and then {PARIS}',
        f'{{"wrapped": {PARIS}, oops',
        f'{PARIS} fits {{"type": "object", "properties": {{}}}}',
    ],
    ids=lambda text: text[:20],
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
        (f'[{PARIS}, {{"name": "Rome", "latitude": 41.9}}]', "a list of several answers"),
        ('{"a":[' * 900 + "1," * 30_000, "broken"),
        ('{"name": "x", "latitude": ' + "1" * 4301 + "}", "number out of range"),
        ('{"name": ' + "[" * 500 + "]" * 500 + "}", "recursion limit"),
        ('{"name": "\\ud800", "latitude": 1}', "hex escape"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_wrong_is_said(text: str, problem: str) -> None:
    parsed, said = parse_answer(text, Spot)
    assert parsed is None
    assert problem in said


def test_an_object_cut_off_is_not_mistaken_for_one_inside_it() -> None:
    parsed, said = parse_answer('{"clues": [{"kind": "text"}], "name": "Par', Spot)
    assert parsed is None
    assert "cut off" in said


@pytest.mark.parametrize(
    "text",
    [
        '{"a":[' * 900 + "1," * 30_000,
        '{"a":' * 20_000,
        '{"a" ' * 4_000,
        '{"a": 1, "b": ' * 900 + '{"c": 1},' * 9_000,
    ],
    ids=lambda text: text[:20],
)
def test_a_broken_text_is_read_a_fixed_number_of_times(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    whole = parsing._EXTENT.raw_decode

    class Counting:
        def raw_decode(self, text: str, start: int) -> Any:
            nonlocal read
            stopped = len(text)
            try:
                found = whole(text, start)
                stopped = found[1]
                return found
            except json.JSONDecodeError as error:
                stopped = error.pos
                raise
            finally:
                read += stopped - start

    monkeypatch.setattr(parsing, "_EXTENT", Counting())
    assert parse_answer(text, Spot)[0] is None
    assert read <= (parsing._RESCANS + 2) * len(text)


class Heard(Spoken):
    """Takes prose as well, and keeps what it was given."""

    said: str

    @classmethod
    def from_prose(cls, text: str) -> Heard | None:
        return cls(said=text) if "Paris" in text else None


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("It is Paris.", "It is Paris."),
        ("<think>Rome?</think>It is Paris.", "It is Paris."),
        ("Rome, or Lyon</think> It is Paris.", " It is Paris."),
        ("<think>Rome</think> no <think>Lyon</think>Paris", "Paris"),
        ("\u25c1think\u25b7Rome\u25c1/think\u25b7Paris", "Paris"),
        ("[THINK]Rome, not Paris[/THINK]Paris", "Paris"),
        ("<thought>Rome, not Paris</thought>Paris", "Paris"),
        ("<|channel>thought\nRome, not Paris<channel|>Paris", "Paris"),
        ("<|channel|>analysis<|message|>Paris?<|end|><|channel|>final<|message|>Paris", "Paris"),
        ("{'said': 'Paris'}", "{'said': 'Paris'}"),
        ('{"said": "x"} Paris', "x"),
        ('<think>{"said": "Rome"}</think>{"said": "x"}', "x"),
    ],
)
def test_prose_is_heard_where_there_is_no_object(text: str, heard: str) -> None:
    parsed, problem = parse_answer(text, Heard)
    assert parsed is not None
    assert (parsed.said, problem) == (heard, "")


@pytest.mark.parametrize(
    "text",
    [
        "Rome",
        "<think>It is Paris",
        "[THINK]It is Paris",
        "<|channel|>analysis<|message|>Paris",
        "<think>Paris</think>",
        '{"word": "Paris"}',
        '{"said": "Paris',
    ],
)
def test_thoughts_and_broken_objects_are_not_heard(text: str) -> None:
    assert parse_answer(text, Heard)[0] is None


def test_the_prose_of_an_answer_that_was_cut_off_is_not_heard() -> None:
    assert parse_answer("It is Paris", Heard, cut=True)[0] is None
    assert parse_answer('{"said": "x"} It is', Heard, cut=True)[0] == Heard(said="x")


def test_what_postgres_cannot_hold_is_taken_out() -> None:
    assert legible("a\0b\ud800c é") == "ab?c é"
    json.dumps(legible("\udfff"), ensure_ascii=False).encode()
