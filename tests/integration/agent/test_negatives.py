"""What the model is shown against a place: by strategy, on the starter gallery."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from geofix import Agent
from geofix.agent.state import Retrieval, Settled
from geofix.db.load import index_lifecycle
from geofix.db.runs import Step
from geofix.db.search import plan
from geofix.tools.geo.distance import haversine_km
from geofix.tools.photo.samples import sample_path
from tests.integration.explained import explained

FAR_KM = 500.0


def retrieved(agent: Agent, **options: Any) -> tuple[Settled, Step, Retrieval]:
    fix = explained(agent, sample_path(), max_rounds=1, **options)
    step = agent.services.trail.read(fix.run or "").steps[1]
    return fix, step, Retrieval.model_validate(step.detail)


def likeness(found: Retrieval) -> list[float]:
    return [hit.similarity for hit in found.negatives]


def test_far_ones_lie_far_from_the_leading_place_and_are_the_most_alike_there(
    shared_agent: Agent,
) -> None:
    fix, step, far = retrieved(shared_agent, negatives_by="far", far_km=FAR_KM)
    assert fix.latitude is not None and fix.longitude is not None
    places = np.array([(hit.latitude, hit.longitude) for hit in far.negatives])
    assert len(places) == 16
    distances = haversine_km(*places.T, fix.latitude, fix.longitude)
    # The leading place is that of the vote, and the fix a few kilometers from it at most.
    assert min(distances) > FAR_KM - 10
    _, _, dissimilar = retrieved(shared_agent)
    assert min(likeness(far)) > max(likeness(dissimilar))
    assert likeness(far) == sorted(likeness(far), reverse=True)
    assert not {hit.photo_id for hit in far.negatives} & {hit.photo_id for hit in far.positives}
    assert far.negatives_by == "far"
    assert "16 similar and 16 other far-away of " in step.summary


def test_far_ones_leave_out_none_that_is_more_alike(shared_agent: Agent) -> None:
    _, _, every = retrieved(shared_agent, positives=200, negatives=0)
    fix, _, far = retrieved(shared_agent, negatives_by="far", far_km=FAR_KM, negatives=8)
    taken = {hit.photo_id for hit in far.positives}
    beyond = [
        hit.photo_id
        for hit in every.positives
        if haversine_km(hit.latitude, hit.longitude, fix.latitude or 0, fix.longitude or 0) > FAR_KM
        and hit.photo_id not in taken
        # Nor is one that stands beside a photo of another candidate.
        and not any(
            haversine_km(hit.latitude, hit.longitude, near.latitude, near.longitude) < 25
            for near in far.positives
        )
    ]
    assert [hit.photo_id for hit in far.negatives] == beyond[:8]


def test_with_none_there_are_none_and_the_answer_is_the_same(shared_agent: Agent) -> None:
    fix, step, found = retrieved(shared_agent, negatives_by="none")
    assert found.negatives == []
    assert {report.kind for report in found.how} == {"positives"}
    assert step.summary.startswith("16 similar of ")
    assert found.notes == []
    assert fix.place is not None and fix.place.label.startswith("Paris")


@pytest.mark.parametrize("negatives_by", ["dissimilar", "far"])
def test_the_trail_tells_how_both_searches_went(shared_agent: Agent, negatives_by: str) -> None:
    _, step, _ = retrieved(shared_agent, negatives_by=negatives_by)
    positives, negatives = step.detail["how"]
    assert (positives["kind"], negatives["kind"]) == ("positives", "negatives")
    assert {(how["server"], how["way"]) for how in step.detail["how"]} == {("here", "exact")}
    assert positives["rows"] == step.detail["searched"] > negatives["rows"] - 1
    assert step.detail["negatives_by"] == negatives_by
    assert "photos anywhere (exact), best " in step.summary


def test_the_way_is_told_and_a_run_may_ask_for_the_exact_one(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_lifecycle.build_index(agent.services.engine, agent.services.encoder.name)
    monkeypatch.setattr(plan, "EXACT_ROWS", 0)
    _, step, by_index = retrieved(agent)
    assert "(index)" in step.summary
    assert {report.way for report in by_index.how} == {"index"}
    assert all(report.ef_search and report.index for report in by_index.how)
    _, step, exact = retrieved(agent, exact=True)
    assert "(exact)" in step.summary
    assert [hit.photo_id for hit in by_index.positives] == [hit.photo_id for hit in exact.positives]


def test_in_a_region_the_trail_says_about(shared_agent: Agent) -> None:
    _, step, found = retrieved(shared_agent, within="48.86,2.35,30")
    assert f"of about {found.searched} photos in 30 km around 48.8600, 2.3500 (" in step.summary


def test_a_country_is_searched_whole_and_alone(shared_agent: Agent) -> None:
    _, _, every = retrieved(shared_agent, positives=200, negatives=0)
    ((country, count),) = Counter(hit.country_code for hit in every.positives).most_common(1)
    _, _, inside = retrieved(shared_agent, positives=200, negatives=0, within=country)
    expected = [hit.photo_id for hit in every.positives if hit.country_code == country]
    assert len(expected) == count > 10
    assert [hit.photo_id for hit in inside.positives] == expected


def test_a_checkpoint_revives_what_a_search_reported(shared_agent: Agent) -> None:
    explained(shared_agent, sample_path(), run_id="case-1", negatives_by="far")
    values = shared_agent.graph.get_state({"configurable": {"thread_id": "case-1"}}).values
    (kept,) = values["retrievals"]
    assert isinstance(kept, Retrieval) and kept.negatives_by == "far"
    assert [report.kind for report in kept.how] == ["positives", "negatives"]
    assert all(report.way == "exact" for report in kept.how)
