"""What a model's answer is worth: the traps of the field, each noted by name."""

from __future__ import annotations

from typing import Any

import pytest

from geofix.agent.draft.answers import DraftAnswer, PointAnswer, SpokenPoint
from geofix.agent.draft.reading import ALONE, MOST_CHARACTERS, MOST_ENTRIES, read_draft
from geofix.agent.state import Draft
from tests.unit.agent.answers import ANSWER, NEGATIVES, POSITIVES, lists
from tests.unit.agent.hits import BERLIN, PARIS, SUVA, hit

ASKED = Draft(round=2, drafted_by="scripted:one", latitude=None, longitude=None)
SWAPPED = "the model seems to have swapped latitude and longitude"


def read(**said: Any) -> Draft:
    answer = DraftAnswer(**{**ANSWER, **said})
    return read_draft(answer, ASKED, lists(), POSITIVES)


def test_a_draft_has_place_word_and_reasons_and_nothing_odd() -> None:
    only = read()
    assert (only.round, only.drafted_by) == (2, "scripted:one")
    assert (only.latitude, only.longitude, only.confidence) == (48.8861, 2.3429, 0.9)
    assert (only.clues[0].kind, only.hypotheses) == ("landmark", ANSWER["hypotheses"])
    assert (only.notes, only.agrees_with) == ([], None)


@pytest.mark.parametrize(
    ("said", "note"),
    [
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
    assert only.agrees_with == name
    copied = f"the model repeats the coordinates of {name}, which counts as agreement"
    assert copied in only.notes
    assert read(latitude=place[0] + 0.001, longitude=place[1]).agrees_with is None


def test_digits_are_compared_as_they_were_shown() -> None:
    coarse = lists([hit(PARIS, 0.9, accuracy_km=1.0), hit(BERLIN, 0.5)], [])
    place = {"latitude": round(PARIS[0], 2), "longitude": round(PARIS[1], 2)}
    only = read_draft(DraftAnswer(**{**ANSWER, **place}), ASKED, coarse, [])
    assert only.agrees_with == "candidate 1"
    assert (only.latitude, only.longitude) == PARIS
    finer = {"latitude": round(PARIS[0], 3), "longitude": round(PARIS[1], 3)}
    assert read_draft(DraftAnswer(**{**ANSWER, **finer}), ASKED, coarse, []).agrees_with is None
    rounded = {"latitude": 52.5189, "longitude": 13.4004}
    assert read_draft(DraftAnswer(**{**ANSWER, **rounded}), ASKED, coarse, []).agrees_with


def test_a_candidate_that_is_named_is_the_place_of_the_draft() -> None:
    first = lists().candidates[0]
    only = read(agrees_with_candidate=1, latitude=None, longitude=None)
    assert (only.latitude, only.longitude) == (first.latitude, first.longitude)
    assert (only.agrees_with, only.confidence) == ("candidate 1", 0.9)
    assert only.notes == ["the model agrees with candidate 1"]


def test_coordinates_of_ones_own_count_beside_a_named_candidate() -> None:
    own = read(agrees_with_candidate=1)
    assert (own.latitude, own.agrees_with, own.notes) == (48.8861, None, [])
    away = read(agrees_with_candidate=2)
    assert (away.latitude, away.agrees_with) == (48.8861, None)
    (note,) = away.notes
    assert note.startswith("the model agrees with candidate 2, but its coordinates are 87")
    first = lists().candidates[0]
    copied = read(agrees_with_candidate=2, latitude=first.latitude, longitude=first.longitude)
    assert copied.agrees_with == "candidate 1"
    assert copied.notes[0].startswith("the model agrees with candidate 2, but its coordinates are")


@pytest.mark.parametrize("number", [3, 99])
def test_a_candidate_that_was_not_shown_is_no_place(number: int) -> None:
    only = read(agrees_with_candidate=number, latitude=None, longitude=None)
    assert (only.latitude, only.agrees_with) == (None, None)
    assert only.notes[-1] == f"the model agrees with candidate {number}, but it was shown 2"


def test_an_answer_in_prose_says_that_it_has_no_reasons() -> None:
    spoken = SpokenPoint(latitude=48.8861, longitude=2.3429)
    only = read_draft(spoken, ASKED, lists(), POSITIVES)
    assert (only.latitude, only.confidence, only.notes) == (48.8861, None, [ALONE])


def test_a_draft_that_an_earlier_version_stored_is_read() -> None:
    stored = {**ASKED.model_dump(), "copied_from": "candidate 1"}
    del stored["agrees_with"]
    assert Draft.model_validate(stored).agrees_with == "candidate 1"


def test_what_was_not_shown_cannot_be_copied() -> None:
    answer = PointAnswer(latitude=PARIS[0], longitude=PARIS[1])
    alone = lists(POSITIVES, NEGATIVES, neighbours=0)
    only = read_draft(answer, ASKED, alone, POSITIVES)
    assert (only.agrees_with, only.confidence, only.clues) == (None, None, [])


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
