from __future__ import annotations

from geofix.agent.context import Context
from geofix.agent.nodes.refine import refine
from geofix.agent.regions import circle
from geofix.agent.state import State
from tests.unit.agent.candidate import candidate
from tests.unit.agent.hits import BERLIN, PARIS, retrieval

COUNTRY = {"share_200_km": 0.6, "share_750_km": 0.6, "share_2500_km": 0.6}


def test_a_finer_round_looks_closer_at_the_leader_and_its_runner_up() -> None:
    first = candidate(PARIS, 0.6, scale_km=200.0, **COUNTRY)
    state = State(candidates=[first, candidate(BERLIN, 0.4)], retrievals=[retrieval([])])
    outcome = refine(state, Context(), None)  # type: ignore[arg-type]
    assert outcome.update["round"] == 1
    assert outcome.update["region"] == circle(*PARIS, 200.0, "200 km around 48.8867, 2.3431")
    assert outcome.update["rival"] == circle(*BERLIN, 200.0, "200 km around 52.5189, 13.4004")
    assert "52.5189" in outcome.summary
    assert (outcome.detail["positives"], outcome.detail["negatives"]) == (32, 8)


def test_the_region_of_the_question_is_no_look_yet() -> None:
    first = candidate(PARIS, 0.6, scale_km=200.0, **COUNTRY)
    state = State(candidates=[first], region=circle(*PARIS, 100.0))
    assert refine(state, Context(), None).update["region"].radius_km == 200.0  # type: ignore[arg-type]
