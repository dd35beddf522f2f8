"""A round with a model: presets, samples, temperature, routing, and a model that gives up."""

from __future__ import annotations

from typing import Any

import pytest

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.draft.ask import SEVERAL
from geofix.agent.nodes.draft import draft
from tests.fakes import ScriptedChat
from tests.unit.agent.nodes.model import Tempered, by_model, scripted, state, wired

POINT = '{"latitude": 48.9, "longitude": 2.4}'


def test_g3_keeps_every_sample_of_every_list_as_a_draft_of_its_own() -> None:
    model = scripted(*[POINT] * 20)
    outcome = draft(state(), Context(preset="g3"), wired(model))
    made = [one.provenance for one in outcome.update["drafts"]]
    assert {one.preset for one in made} == {"g3"}
    # Three photos were retrieved: no list can show more.
    asked = [(k, n) for k in (0, 3, 3, 3) for n in range(1, 6)]
    assert [(one.neighbours, one.sample) for one in made] == asked
    assert len(outcome.detail["prompts"]) == 4
    assert len(outcome.detail["drafts"]) == len(outcome.detail["answers"]) == 20
    assert outcome.detail["tokens"]["output_tokens"] == 200
    assert outcome.summary.endswith("the first of 20 places in 20 answers")
    assert outcome.degraded == ()


def test_img2loc_is_one_call() -> None:
    only, outcome, model = by_model(POINT, context=Context(preset="img2loc"))
    assert len(model.seen) == 1
    assert (only.latitude, only.confidence) == (48.9, None)
    assert outcome.detail["preset"] == "img2loc"


def test_samples_and_temperature_may_be_the_runs_own() -> None:
    asked: list[Any] = []

    class Watched(Tempered):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            asked.append(self.temperature)
            return super()._generate(*args, **kwargs)

    def asked_at(**options: Any) -> list[Any]:
        asked.clear()
        draft(state(), Context(**options), wired(Watched(answers=[POINT] * 20)))
        return asked

    assert asked_at(preset="g3") == [1.2] * 20
    assert asked_at(preset="g3", samples=1, temperature=0.3) == [0.3] * 4
    assert asked_at(preset="img2loc") == [None]
    assert asked_at(preset="img2loc", samples=2) == [SEVERAL] * 2


def test_a_temperature_that_cannot_be_had_is_said() -> None:
    fixed = ScriptedChat(answers=[POINT] * 4)
    outcome = draft(state(), Context(preset="g3", samples=1), wired(fixed))
    (reason,) = outcome.degraded
    assert reason.code == "model_limited"
    assert reason.text.startswith("draft: the model does not accept a temperature")


def test_an_unusable_sample_costs_itself_only_and_is_said() -> None:
    class Stubborn(Tempered):
        """Writes prose once, and again when told; samples are asked all at once."""

        def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            if len(messages) > 2:
                self.answers.insert(0, "no JSON")
            return super()._generate(messages, *args, **kwargs)

    model = Stubborn(answers=["no JSON", *[POINT] * 4])
    outcome = draft(state(), Context(preset="img2loc", samples=5), wired(model))
    assert len({one.provenance.sample for one in outcome.update["drafts"]}) == 4
    (reason,) = outcome.degraded
    assert reason.code == "model_failed"
    assert reason.text.startswith("draft: 4 of 5 answers could be used: the model's answer cannot")


def test_a_model_that_stops_answering_is_asked_no_more() -> None:
    model = scripted(*[POINT] * 5, *[TimeoutError("timed out")] * 15)
    outcome = draft(state(), Context(preset="g3"), wired(model))
    assert len(model.seen) == 10
    assert len(outcome.update["drafts"]) == 5
    (reason,) = outcome.degraded
    said = "draft: 5 of 20 answers could be used: the model failed: TimeoutError"
    assert reason.text.startswith(said)


def test_routed_a_sharp_search_leaves_the_model_alone_with_the_photo() -> None:
    only, outcome, model = by_model({}, context=Context(route="retrieval"))
    assert only.provenance is not None and only.provenance.neighbours == 0
    assert len(model.seen[0][1].content) == 3
    assert "of the votes are for one place" in outcome.detail["route"]
    _, outcome, _ = by_model({})
    assert outcome.detail["route"] is None


def test_exemplars_that_are_not_there_are_said() -> None:
    _, outcome, model = by_model({}, context=Context(exemplars=2))
    assert outcome.degraded == tuple(
        Reason.of(
            Code.PICTURE_NOT_SHOWN,
            f"draft: no picture of candidate {number} was shown: the photo was removed",
        )
        for number in (1, 2)
    )
    assert len(model.seen[0][1].content) == 4


def test_exemplars_are_of_candidates() -> None:
    with pytest.raises(ValueError, match="'g3' shows no candidates"):
        Context(preset="g3", exemplars=1)
