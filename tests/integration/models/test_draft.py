"""The draft by a model over real HTTP: what its word is worth."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from geofix.agent.draft.presets import VERSION
from tests.integration.scripted_model import (
    DOME,
    PROTOCOLS,
    SACRE_COEUR,
    UNPLACED,
    is_in_paris,
    said,
)
from tests.loopback import TOKENS_IN, TOKENS_OUT


def sent_photo(body: dict[str, Any]) -> bytes:
    """Return the one picture of a request to an OpenAI-compatible server."""
    (block,) = [part for part in body["messages"][1]["content"] if part["type"] == "image_url"]
    head, data = block["image_url"]["url"].split(",")
    assert head == "data:image/jpeg;base64"
    return base64.b64decode(data)


def test_the_answers_draft_is_in_the_trail_as_the_models(lab: Any) -> None:
    opened = lab(said())
    fix, step = opened.locate()
    assert fix.drafted_by == "openai:tiny"
    assert fix.degraded == []
    detail = step.detail
    assert detail["drafted_by"] == "openai:tiny"
    assert (detail["latitude"], detail["longitude"]) == DOME
    assert detail["prompt_version"] == VERSION
    assert detail["answers"] == [said()]
    assert detail["tokens"] == {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT}
    assert detail["clues"][0]["observation"] == "a white dome on a hill"
    ((system, human),) = detail["prompts"]
    asked = opened.server.received[0].body["messages"]
    assert system["content"] == asked[0]["content"]
    assert human["content"][0]["text"] == asked[1]["content"][0]["text"]
    assert human["content"][1]["bytes"] == len(sent_photo(opened.server.received[0].body))
    assert human["content"][2]["text"] == asked[1]["content"][2]["text"]


@pytest.mark.parametrize("provider", list(PROTOCOLS))
def test_every_provider_drafts(lab: Any, provider: str) -> None:
    opened = lab(said(), provider=provider)
    fix, step = opened.locate()
    assert fix.drafted_by == f"{provider}:tiny"
    assert fix.degraded == []
    assert is_in_paris(fix)
    assert json.loads(step.detail["answers"][0]) == json.loads(said())
    assert step.detail["tokens"] == {"input_tokens": TOKENS_IN, "output_tokens": TOKENS_OUT}
    assert len(opened.server.received) == 1


def test_a_draft_that_agrees_raises_the_candidate(lab: Any) -> None:
    silent, _ = lab(said(**UNPLACED)).locate()
    fix, _ = lab(said()).locate()
    assert fix.candidates[0].origin == "cluster+draft"
    assert silent.candidates[0].origin == "cluster"
    assert fix.candidates[0].score > silent.candidates[0].score
    assert "draft_agrees" in {reason.code for reason in fix.reasons}
    assert is_in_paris(fix)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"latitude": -33.87, "longitude": 151.1}, "no retrieved photo within 200 km"),
        ({"latitude": -40.0, "longitude": -120.0}, "is in the sea"),
        ({"latitude": 2.3431, "longitude": 48.8867}, "is in the sea"),
    ],
)
def test_a_draft_no_photo_supports_is_vetoed_and_moves_nothing(
    lab: Any, place: dict[str, float], why: str
) -> None:
    alone, _ = lab(said(**UNPLACED)).locate()
    fix, step = lab(said(**place, confidence=1)).locate()
    assert fix.drafted_by == "openai:tiny"
    assert (fix.latitude, fix.longitude) == (alone.latitude, alone.longitude)
    assert is_in_paris(fix)
    (vetoed,) = [candidate for candidate in fix.candidates if candidate.vetoed]
    assert vetoed.origin == "draft"
    assert why in str(vetoed.vetoed)
    assert any(reason.code == "left_out" and why in reason.text for reason in fix.reasons)
    swapped = place["latitude"] == SACRE_COEUR[1]
    said_so = ["the model seems to have swapped latitude and longitude"] if swapped else []
    sea = ["the model's point lies in the sea"] if "sea" in why else []
    assert step.detail["notes"] == said_so + sea


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (said(latitude=0, longitude=0), "(0, 0)"),
        (said(latitude=None, longitude=None), "gave no coordinates"),
        (said(latitude=95), "not on the Earth"),
        (said(latitude=139.7, longitude=35.7), "swapped"),
    ],
)
def test_an_answer_that_is_none_leaves_the_photos_to_decide(
    lab: Any, answer: str, note: str
) -> None:
    fix, step = lab(answer).locate()
    assert fix.drafted_by == "openai:tiny"
    assert fix.degraded == []
    assert is_in_paris(fix)
    assert all(candidate.origin == "cluster" for candidate in fix.candidates)
    assert note in " ".join(step.detail["notes"])


def test_what_a_model_writes_cannot_break_the_trail(lab: Any) -> None:
    nasty = said(hypotheses=["a\0b", "'; drop table runs; --"])
    fix, step = lab(f"\0 half a character: \ud800 {nasty}").locate()
    assert fix.drafted_by == "openai:tiny"
    assert step.detail["hypotheses"][0] == "a\\x00b"
