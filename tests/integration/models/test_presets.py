"""The papers' presets over real HTTP, and what a copied answer is worth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.scripted_model import DOME, SACRE_COEUR, UNPLACED, is_in_paris, said

POINT = json.dumps({"latitude": DOME[0], "longitude": DOME[1]})


def test_g3_asks_twenty_times_at_its_temperature_and_all_drafts_are_pooled(lab: Any) -> None:
    away = json.dumps({"latitude": -33.87, "longitude": 151.2})
    opened = lab(*[POINT, away] * 10)
    fix, step = opened.locate(preset="g3", max_rounds=1)
    received = opened.server.received
    assert len(received) == 20
    assert {request.body["temperature"] for request in received} == {1.2}
    schema = received[0].body["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["latitude", "longitude"]
    asked = [draft["provenance"]["neighbours"] for draft in step.detail["drafts"]]
    assert asked == [k for k in (0, 5, 10, 15) for _ in range(5)]
    first = fix.candidates[0]
    assert first.origin == "cluster+draft"
    assert first.parts["draft"] == pytest.approx(0.25)  # half of the samples, no word of their own
    (vetoed,) = [candidate for candidate in fix.candidates if candidate.vetoed]
    assert vetoed.origin == "draft"
    assert is_in_paris(fix)


def test_img2loc_shows_bare_coordinates_in_one_call(lab: Any) -> None:
    opened = lab(POINT)
    fix, step = opened.locate(preset="img2loc", max_rounds=1)
    (request,) = opened.server.received
    text = request.body["messages"][1]["content"][0]["text"]
    similar, dissimilar = text.split("dissimilar images")
    assert similar.count("(") == dissimilar.count("(") == 16
    assert "Paris" not in text
    assert step.detail["preset"] == "img2loc"
    assert fix.degraded == []


def test_img2loc_takes_bare_coordinates_without_a_second_call(lab: Any) -> None:
    opened = lab(f"{DOME[0]}, {DOME[1]}")
    fix, step = opened.locate(preset="img2loc")
    (request,) = opened.server.received
    assert "response_format" not in request.body
    assert (step.detail["repaired"], step.detail["notes"]) == (None, [])
    assert (step.detail["latitude"], step.detail["longitude"]) == DOME
    assert is_in_paris(fix)


@pytest.mark.parametrize(
    "agreeing",
    [
        {"latitude": SACRE_COEUR[0], "longitude": SACRE_COEUR[1]},
        {**UNPLACED, "agrees_with_candidate": 1},
    ],
    ids=["copied", "named"],
)
def test_a_draft_that_agrees_with_a_candidate_is_weak_evidence_for_it(
    lab: Any, agreeing: dict[str, Any]
) -> None:
    silent, _ = lab(said(**UNPLACED)).locate()
    fix, step = lab(said(**agreeing)).locate()
    own, _ = lab(said()).locate()
    agrees = step.detail["agrees_with"]
    assert agrees in ("candidate 1", "similar photo 1")
    scores = [one.candidates[0].score for one in (silent, fix, own)]
    assert scores == sorted(set(scores))
    first = fix.candidates[0]
    assert (first.parts["draft"], first.parts["drafts_agree"]) == (0, 1)
    (reason,) = [reason.text for reason in fix.reasons if reason.code == "drafts_agree"]
    assert f"1 of 1 drafts agree with what the model was shown ({agrees})" in reason
    assert "draft_agrees" not in {reason.code for reason in fix.reasons}
    assert is_in_paris(fix)


def test_degrees_and_minutes_need_no_second_turn(lab: Any) -> None:
    fix, step = lab(said(latitude="48°53'10\"N", longitude="2,3429")).locate()
    assert step.detail["repaired"] is None
    assert (step.detail["latitude"], step.detail["longitude"]) == pytest.approx(DOME, abs=1e-4)
    assert is_in_paris(fix)


def test_swapped_by_its_letters_is_sent_back_by_name(lab: Any) -> None:
    opened = lab(said(latitude="2.3429 E", longitude="48.8861 N"), said())
    _, step = opened.locate()
    assert "latitude and longitude are swapped" in step.detail["repaired"]
    assert "are swapped" in opened.server.received[1].text
    assert (step.detail["latitude"], step.detail["longitude"]) == DOME
