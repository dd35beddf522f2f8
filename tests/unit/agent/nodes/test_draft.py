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

from geofix.agent import prompts
from geofix.agent.context import Context
from geofix.agent.errors import ModelError
from geofix.agent.nodes.draft import MODEL_SIDE_PX, draft
from geofix.agent.outcome import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Draft, Hit, Region, State
from geofix.tools.images import to_jpeg
from tests.fakes import ScriptedChat
from tests.unit.agent.hits import BERLIN, PARIS, SUVA, hit, retrieval
from tests.unit.agent.test_prompts import ANSWER

POSITIVES = [hit(PARIS, 0.9), hit(PARIS, 0.8), hit(BERLIN, 0.3)]
PHOTO = to_jpeg(Image.new("RGB", (2048, 1024), (200, 100, 50)))


def wired(model: BaseChatModel | None) -> Services:
    """What the node asks of the services, without a database."""
    kept = SimpleNamespace(find=lambda sha256: SimpleNamespace(jpeg=PHOTO))
    name = "consensus" if model is None else "scripted:one"
    return cast(Services, SimpleNamespace(model=model, drafted_by=name, queries=kept))


def state(positives: list[Hit] = POSITIVES, **fields: Any) -> State:
    return State(photo="sha256:00", retrievals=[retrieval(positives, [hit(SUVA, -0.3)])], **fields)


def drafted(outcome: Outcome) -> Draft:
    (only,) = outcome.update["drafts"]
    assert isinstance(only, Draft)
    return only


def by_model(*answers: Any, **fields: Any) -> tuple[Draft, Outcome, ScriptedChat]:
    said = [json.dumps({**ANSWER, **a}) if isinstance(a, dict) else a for a in answers]
    model = ScriptedChat(answers=said)
    outcome = draft(state(**fields), Context(), wired(model))
    return drafted(outcome), outcome, model


def test_without_a_model_the_photos_vote_and_the_draft_says_so() -> None:
    outcome = draft(state(), Context(), wired(None))
    only = drafted(outcome)
    assert only.drafted_by == "consensus"
    assert (only.latitude, only.longitude) == pytest.approx(PARIS, abs=0.01)
    assert outcome.degraded == ()
    assert outcome.summary.startswith("consensus: 48.88")


def test_without_a_photo_nobody_votes() -> None:
    only = drafted(draft(state([]), Context(), wired(None)))
    assert (only.latitude, only.notes) == (None, ["no photo to vote"])


def test_the_models_draft_carries_its_reasons() -> None:
    only, outcome, _ = by_model({})
    assert only.drafted_by == "scripted:one"
    assert (only.latitude, only.longitude, only.confidence) == (48.8867, 2.3431, 0.9)
    assert only.clues[0].kind == "landmark"
    assert only.hypotheses == ANSWER["hypotheses"]
    assert only.notes == []
    assert outcome.degraded == ()


def test_the_trail_holds_prompt_answer_and_cost() -> None:
    _, outcome, _ = by_model("Paris.", {})
    detail = outcome.detail
    assert detail["prompt_version"] == prompts.VERSION
    assert detail["prompt"][0]["content"] == prompts.SYSTEM["dissimilar"]
    assert "48.88670, 2.34310" in detail["prompt"][1]["content"][2]["text"]
    assert detail["answers"] == ["Paris.", json.dumps(ANSWER)]
    assert detail["tokens"] == {"input_tokens": 200, "output_tokens": 20}
    assert detail["repaired"] == "it holds no JSON object"
    assert detail["cached"] is False
    assert json.loads(json.dumps(detail)) == detail


def test_the_photo_is_sent_small_and_bare() -> None:
    _, _, model = by_model({})
    data = cast(Any, model.seen[0][1].content)[1]["base64"]
    sent = Image.open(BytesIO(base64.b64decode(data)))
    assert sent.size == (MODEL_SIDE_PX, MODEL_SIDE_PX // 2)
    assert set(sent.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ({"can_tell": False}, "the model says it cannot tell"),
        ({"latitude": None}, "the model gave no coordinates"),
        ({"longitude": None}, "the model gave no coordinates"),
        ({"latitude": 0, "longitude": 0}, "the model answered (0, 0): taken for no answer"),
        ({"latitude": 95, "longitude": 95}, "the model's (95.0, 95.0) is not on the Earth"),
        ({"longitude": -181}, "the model's (48.8867, -181.0) is not on the Earth"),
        ({"latitude": float("nan")}, "the model's (nan, 2.3431) is not on the Earth"),
    ],
)
def test_what_is_no_answer_is_taken_for_none_and_noted(said: dict[str, Any], note: str) -> None:
    only, outcome, _ = by_model(said)
    assert (only.latitude, only.longitude, only.confidence) == (None, None, None)
    assert only.notes == [note]
    assert only.drafted_by == "scripted:one"
    assert outcome.degraded == ()
    assert outcome.summary == "scripted:one: cannot tell"


def test_a_point_on_the_equator_is_an_answer() -> None:
    only, _, _ = by_model({"latitude": 0, "longitude": 32.5})
    assert (only.latitude, only.longitude) == (0, 32.5)


def test_swapped_coordinates_are_noted_and_never_turned() -> None:
    impossible, _, _ = by_model({"latitude": 139.7, "longitude": 35.7})
    assert impossible.latitude is None
    assert impossible.notes == [
        "the model's (139.7, 35.7) is not on the Earth",
        "the model seems to have swapped latitude and longitude",
    ]
    possible, _, _ = by_model({"latitude": PARIS[1], "longitude": PARIS[0]})
    assert (possible.latitude, possible.longitude) == (PARIS[1], PARIS[0])
    assert possible.notes == ["the model seems to have swapped latitude and longitude"]


def test_a_call_that_fails_leaves_the_vote_to_the_photos_and_says_why() -> None:
    only, outcome, _ = by_model(TimeoutError("timed out"))
    assert only.drafted_by == "consensus"
    assert (only.latitude, only.longitude) == pytest.approx(PARIS, abs=0.01)
    (reason,) = outcome.degraded
    assert reason == "draft: the model failed: TimeoutError: timed out; the photos voted instead"
    assert outcome.detail["error"] == "the model failed: TimeoutError: timed out"
    assert outcome.detail["model"] == "scripted:one"
    assert outcome.detail["drafted_by"] == "consensus"
    assert outcome.detail["prompt"]


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
    assert "within: 5 km around Paris." in cast(Any, model.seen[0][1].content)[2]["text"]


def test_a_model_that_cannot_be_set_up_is_an_error_not_a_degraded_answer() -> None:
    class Misconfigured(SimpleNamespace):
        @property
        def model(self) -> BaseChatModel:
            raise ModelError("the model 'openai:tiny' needs the package 'langchain_openai'")

    with pytest.raises(ModelError, match="needs the package"):
        draft(state(), Context(), cast(Services, Misconfigured()))
