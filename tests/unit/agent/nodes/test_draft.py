"""The draft: by the model or by the photos, and never the one passed off as the other."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from types import SimpleNamespace
from typing import Any, cast

import pytest
from langchain_core.language_models import BaseChatModel
from PIL import Image

from geofix.agent.context import Context
from geofix.agent.draft.presets import VERSION
from geofix.agent.errors import ModelError
from geofix.agent.nodes.draft import draft
from geofix.agent.services import Services
from geofix.agent.state import Draft, Region
from tests.unit.agent.answers import ANSWER
from tests.unit.agent.hits import PARIS
from tests.unit.agent.nodes.model import by_model, drafted, scripted, state, wired


def test_without_a_model_the_photos_vote_and_the_draft_says_so() -> None:
    outcome = draft(state(), Context(), wired(None))
    only = drafted(outcome)
    assert only.drafted_by == "consensus"
    assert (only.latitude, only.longitude) == pytest.approx(PARIS, abs=0.01)
    assert outcome.degraded == ()
    assert outcome.summary.startswith("consensus: 48.88")


def test_without_a_photo_nobody_votes() -> None:
    only = drafted(draft(state([]), Context(), wired(None)))
    assert (only.latitude, only.notes) == (None, ["no similar photo was found, so none could vote"])


def test_the_models_draft_carries_its_reasons() -> None:
    only, outcome, _ = by_model({})
    assert only.drafted_by == "scripted:one"
    assert (only.latitude, only.longitude, only.confidence) == (48.8861, 2.3429, 0.9)
    assert only.clues[0].kind == "landmark"
    assert only.hypotheses == ANSWER["hypotheses"]
    assert only.notes == []
    assert outcome.degraded == ()


def test_the_trail_holds_prompt_answer_and_cost() -> None:
    _, outcome, _ = by_model("Paris.", {})
    detail = outcome.detail
    assert detail["prompt_version"] == VERSION
    (prompt,) = detail["prompts"]
    assert "candidates" in prompt[0]["content"]
    assert "48.88670, 2.34310" in prompt[1]["content"][2]["text"]
    assert detail["answers"] == ["Paris.", json.dumps(ANSWER)]
    assert detail["tokens"] == {"input_tokens": 200, "output_tokens": 20}
    assert detail["repaired"].startswith("it holds neither a JSON object nor exactly one pair")
    assert detail["cached"] is False
    assert json.loads(json.dumps(detail)) == detail


@pytest.mark.parametrize(
    ("name", "image_px", "side"),
    [
        ("scripted:one", None, 1024),
        ("anthropic:claude", None, 1568),
        ("anthropic:claude", 500, 500),
    ],
)
def test_the_photo_is_sent_as_small_as_its_model_takes_it_and_bare(
    name: str, image_px: int | None, side: int
) -> None:
    model = scripted({})
    draft(state(), Context(image_px=image_px), wired(model, name))
    data = cast(Any, model.seen[0][1].content)[1]["base64"]
    sent = Image.open(BytesIO(base64.b64decode(data)))
    assert sent.size == (side, side // 2)
    assert set(sent.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_the_draft_says_how_the_model_was_asked_and_what_it_cost() -> None:
    only, _, _ = by_model({})
    made = only.provenance
    assert made is not None
    assert (made.preset, made.prompt_version) == ("geofix", VERSION)
    assert (made.neighbours, made.sample) == (3, 1)
    assert made.tokens == {"input_tokens": 100, "output_tokens": 10}
    assert made.seconds is not None and made.seconds >= 0


def test_a_call_that_fails_leaves_the_vote_to_the_photos_and_says_why() -> None:
    only, outcome, _ = by_model(TimeoutError("timed out"))
    assert only.drafted_by == "consensus"
    assert (only.latitude, only.longitude) == pytest.approx(PARIS, abs=0.01)
    (reason,) = outcome.degraded
    said = "draft: the model failed: TimeoutError: timed out; the photos voted instead"
    assert (reason.code, reason.text) == ("model_failed", said)
    assert outcome.detail["error"] == "the model failed: TimeoutError: timed out"
    assert outcome.detail["model"] == "scripted:one"
    assert outcome.detail["drafted_by"] == "consensus"
    assert outcome.detail["prompts"]


def test_a_model_that_failed_in_this_run_is_not_waited_for_again() -> None:
    failed = Draft(round=0, drafted_by="consensus", latitude=1, longitude=2)
    only, outcome, model = by_model({}, drafts=[failed])
    assert model.seen == []
    assert only.drafted_by == "consensus"
    assert outcome.detail["not_asked"] == "the model failed before"
    assert outcome.degraded == ()


def test_a_model_that_answered_is_asked_in_the_next_round_too() -> None:
    before = Draft(round=0, drafted_by="scripted:one", latitude=1, longitude=2)
    only, _, model = by_model({}, drafts=[before], region=Region(name="5 km around Paris"))
    assert only.drafted_by == "scripted:one"
    assert 'within: "5 km around Paris".' in cast(Any, model.seen[0][1].content)[2]["text"]


def test_a_model_that_cannot_be_set_up_is_an_error_not_a_degraded_answer() -> None:
    class Misconfigured(SimpleNamespace):
        @property
        def model(self) -> BaseChatModel:
            raise ModelError("the model 'openai:tiny' needs the package 'langchain_openai'")

    with pytest.raises(ModelError, match="needs the package"):
        draft(state(), Context(), cast(Services, Misconfigured()))
