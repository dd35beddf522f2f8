"""What a model's answer is worth: the traps of the field, each noted by name."""

from __future__ import annotations

from typing import Any

import pytest

from geofix.agent.draft.answers import (
    MOST_CHARACTERS,
    MOST_ENTRIES,
    DraftAnswer,
    PointAnswer,
    read_draft,
)
from geofix.agent.state import Draft
from tests.unit.agent.answers import ANSWER, NEGATIVES, POSITIVES, lists
from tests.unit.agent.hits import PARIS, SUVA

ASKED = Draft(round=2, drafted_by="scripted:one", latitude=None, longitude=None)
SWAPPED = "the model seems to have swapped latitude and longitude"


def read(**said: Any) -> Draft:
    answer = DraftAnswer(**{**ANSWER, **said})
    return read_draft(answer, ASKED, lists().listed(), POSITIVES)


def test_a_draft_has_place_word_and_reasons_and_nothing_odd() -> None:
    only = read()
    assert (only.round, only.drafted_by) == (2, "scripted:one")
    assert (only.latitude, only.longitude, only.confidence) == (48.8861, 2.3429, 0.9)
    assert (only.clues[0].kind, only.hypotheses) == ("landmark", ANSWER["hypotheses"])
    assert (only.notes, only.copied_from) == ([], None)


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ({"can_tell": False}, "the model says it cannot tell"),
        ({"latitude": None}, "the model gave no coordinates"),
        ({"longitude": None}, "the model gave no coordinates"),
        ({"latitude": 0, "longitude": 0}, "the model answered (0, 0), which is taken as no answer"),
        ({"latitude": "0", "longitude": "0°0'0\"W"}, "the model answered (0, 0)"),
        ({"latitude": 95, "longitude": 95}, "the model's (95.0, 95.0) is not on the Earth"),
        ({"longitude": -181}, "the model's (48.8861, -181.0) is not on the Earth"),
        ({"latitude": float("nan")}, "the model's (nan, 2.3429) is not on the Earth"),
    ],
)
def test_what_is_no_answer_is_taken_for_none_and_noted(said: dict[str, Any], note: str) -> None:
    only = read(**said)
    assert (only.latitude, only.longitude, only.confidence) == (None, None, None)
    assert len(only.notes) == 1 and only.notes[0].startswith(note)
    assert only.clues


def test_a_point_on_the_equator_is_an_answer() -> None:
    only = read(latitude=0, longitude=32.5)
    assert (only.latitude, only.longitude) == (0, 32.5)


def test_swapped_coordinates_are_noted_and_never_turned() -> None:
    impossible = read(latitude=139.7, longitude=35.7)
    assert impossible.latitude is None
    assert impossible.notes == ["the model's (139.7, 35.7) is not on the Earth", SWAPPED]
    possible = read(latitude=PARIS[1], longitude=PARIS[0])
    assert (possible.latitude, possible.longitude) == (PARIS[1], PARIS[0])
    assert possible.notes[0] == SWAPPED


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((lists().candidates[0].latitude, lists().candidates[0].longitude), "candidate 1"),
        (PARIS, "similar photo 2"),
        ((PARIS[0] + 0.000001, PARIS[1]), "similar photo 2"),
        (SUVA, "negative 1"),
    ],
)
def test_digits_of_the_prompt_are_told_from_an_answer_of_ones_own(
    place: tuple[float, float], name: str
) -> None:
    only = read(latitude=place[0], longitude=place[1])
    assert only.copied_from == name
    copied = f"the model copied the coordinates of {name}, so they add no evidence"
    assert copied in only.notes
    assert read(latitude=place[0] + 0.001, longitude=place[1]).copied_from is None


def test_what_was_not_shown_cannot_be_copied() -> None:
    answer = PointAnswer(latitude=PARIS[0], longitude=PARIS[1])
    alone = lists(POSITIVES, NEGATIVES, neighbours=0).listed()
    only = read_draft(answer, ASKED, alone, POSITIVES)
    assert (only.copied_from, only.confidence, only.clues) == (None, None, [])


def test_a_road_in_the_sea_is_noted() -> None:
    road = [{"kind": "road", "observation": "a kerb"}]
    at_sea = {"latitude": -40.0, "longitude": -120.0}
    assert read(**at_sea).notes == ["the model's point lies in the sea"]
    (note,) = read(**at_sea, clues=road).notes
    assert note == "the model's point lies in the sea, although it saw a road"
    assert read(clues=road).notes == []


def test_a_model_that_goes_on_and_on_fills_no_state() -> None:
    clue = {"kind": "text", "observation": "word " * 10_000}
    only = read(clues=[clue] * 100, hypotheses=["no " * 10_000] * 100)
    assert (len(only.clues), len(only.hypotheses)) == (MOST_ENTRIES, MOST_ENTRIES)
    assert len(only.model_dump_json()) < 2 * MOST_ENTRIES * (MOST_CHARACTERS + 100)
