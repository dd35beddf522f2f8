"""The published methods through the whole graph: what is the answer, and who is asked."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geofix import Settings, open_agent
from geofix.agent.errors import ModelError, OptionError
from geofix.agent.state import Settled
from geofix.tools.encoders.geoclip_places import TABLE
from geofix.tools.geo.distance import haversine_km
from geofix.tools.photo.samples import sample_path
from tests.integration.explained import explained
from tests.integration.scripted_model import DOME, SACRE_COEUR
from tests.unit.tools.encoders.geoclip_files import write_package
from tests.unit.tools.encoders.tiny_models import write

SYDNEY = (-33.87, 151.2)


def point(latitude: float, longitude: float) -> str:
    return json.dumps({"latitude": latitude, "longitude": longitude})


def at(fix: Settled) -> tuple[float | None, float | None]:
    return fix.latitude, fix.longitude


@pytest.mark.parametrize("method", ["img2loc", "street-level-rag"])
def test_the_models_coordinates_are_the_answer_wherever_they_are(lab: Any, method: str) -> None:
    """geofix itself vetoes this: no photo within 200 km supports it."""
    opened = lab(point(*SYDNEY))
    fix, _ = opened.locate(method=method)
    assert len(opened.server.received) == 1
    assert fix.status == "located" and at(fix) == SYDNEY
    assert [reason.code for reason in fix.reasons] == ["by_method", "votes"]
    assert "0 of 16 similar photos" in fix.reasons[1].text
    differs = [one.text for one in fix.degraded if one.code == "method_differs"]
    assert len(differs) == 1 and "efficientnet-lite0" in differs[0]
    public = opened.agent.resume(fix.run)
    assert public.method.name == method
    assert public.position.radius_m == 2_500_000 and public.position.radius_kind == "reach"
    # The radius is ours; the method's own digits are told.
    assert "-33.87000, 151.20000" in public.to_text()


def test_photos_far_from_a_methods_answer_contradict_it(lab: Any) -> None:
    """Its radius without a photo near it reaches from Madrid to Paris and Berlin."""
    opened = lab(point(40.4168, -3.7038))
    fix, _ = opened.locate(method="img2loc")
    public = opened.agent.resume(fix.run)
    assert public.position.radius_m == 2_500_000 and public.evidence
    assert all(one.contradicts == ["c1"] and not one.supports for one in public.evidence)


def test_a_changed_option_is_told_and_a_region_of_the_question_still_holds(lab: Any) -> None:
    opened = lab(*[point(*SYDNEY)] * 2)
    fix, _ = opened.locate(method="img2loc", positives=5)
    assert opened.agent.resume(fix.run).method.name == "img2loc, positives=5"
    fix, _ = opened.locate(method="img2loc", within="France")
    assert fix.status == "abstained"
    assert [reason.code for reason in fix.reasons] == ["region_excluded"]


def test_a_model_without_coordinates_leaves_the_method_nothing(lab: Any) -> None:
    opened = lab("I cannot tell.", "I still cannot tell.")
    fix, _ = opened.locate(method="img2loc")
    assert fix.status == "abstained"
    assert [reason.code for reason in fix.reasons] == ["nothing_to_choose"]
    assert any(one.code == "model_failed" for one in fix.degraded)


@pytest.mark.parametrize(
    "decision",
    [{"action": "look", "region": "48.86,2.35,30"}, {"action": "hint", "words": "It is Paris"}],
)
def test_what_the_model_says_after_a_persons_help_is_the_answer(
    lab: Any, decision: dict[str, str]
) -> None:
    opened = lab(point(*SYDNEY), point(*DOME))
    waits = opened.agent.locate(sample_path(), method="img2loc", pause="every_round")
    assert waits.status == "waiting"
    assert opened.agent.answer(waits.run, decision).status == "waiting"
    fix = opened.agent.answer(waits.run, "go_on")
    assert fix.status == "located" and len(opened.server.received) == 2
    assert (fix.position.latitude, fix.position.longitude) == DOME


@pytest.mark.parametrize("method", ["knn", "kde"])
def test_methods_without_a_model_ask_none(lab: Any, method: str) -> None:
    opened = lab()
    fix, _ = opened.locate(method=method)
    assert opened.server.received == []
    assert haversine_km(*at(fix), *SACRE_COEUR) < 0.1
    hits = opened.agent.graph.get_state({"configurable": {"thread_id": fix.run}}).values
    nearest = hits["retrievals"][0].positives[0]
    if method == "knn":
        assert at(fix) == (nearest.latitude, nearest.longitude)
        assert len(hits["retrievals"][0].positives) == 16
    else:
        assert len(hits["retrievals"][0].positives) > 100


def test_methods_refuse_what_they_cannot_do_before_a_run_begins(starter_url: str) -> None:
    with open_agent(Settings(database_url=starter_url)) as agent:
        for method in ("img2loc", "street-level-rag", "g3"):
            with pytest.raises(ModelError, match=f"the method '{method}' asks a chat model"):
                agent.locate(sample_path(), method=method)
        with pytest.raises(ModelError, match="answer_by='model' takes the word of a chat model"):
            agent.locate(sample_path(), answer_by="model")
        with pytest.raises(OptionError, match="GeoCLIP is not configured; set GEOFIX_IMAGE_PLACE"):
            agent.locate(sample_path(), method="geoclip")
        assert agent.services.trail.latest(5) == []


def test_g3_without_geoclip_takes_the_draft_in_the_middle_and_says_so(lab: Any) -> None:
    opened = lab(*[point(*SYDNEY), point(*DOME), point(DOME[0] + 0.01, DOME[1])] * 7)
    fix, _ = opened.locate(method="g3")
    assert len(opened.server.received) == 20
    assert haversine_km(*at(fix), *DOME) < 2
    assert any("GeoCLIP is not configured" in one.text for one in fix.degraded)


def test_without_any_answer_of_the_model_no_photo_is_called_a_draft_or_a_vote(lab: Any) -> None:
    """Its server has no answer left: every request is refused."""
    opened = lab()
    fix, _ = opened.locate(method="img2loc")
    assert fix.status == "abstained"
    (why,) = fix.reasons
    assert why.text.startswith("there is no usable answer of the model, and the method takes no")
    failed = next(one.text for one in fix.degraded if one.code == "model_failed")
    assert failed.endswith("; there is no draft")
    fix, _ = opened.locate(method="g3")
    assert fix.status == "located" and {one.origin for one in fix.candidates} == {"cluster"}
    told = [fix.reasons[0].text, *(one.text for one in fix.degraded)]
    assert sum("similar photo that the others are nearest to" in one for one in told) == 2


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    site = tmp_path / "site"
    weights = write_package(site)
    table = weights.parent / TABLE
    table.parent.mkdir()
    lines = [f"{latitude},{longitude}" for latitude in range(-80, 81, 20) for longitude in (0, 90)]
    table.write_text("\n".join(["LAT,LON", *lines]))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    importlib.invalidate_caches()
    write(tmp_path / "clip", "clip-768")
    return str(tmp_path / "clip")


def test_geoclip_answers_with_the_most_alike_of_its_own_places(
    starter_url: str, clip: str, tmp_path: Path
) -> None:
    with open_agent(Settings(database_url=starter_url, image_place=clip)) as agent:
        fix = explained(agent, sample_path(), method="geoclip")
        model = agent.services.image_place
        vector = agent.services.queries.vector(fix.photo.removeprefix("sha256:"), model.name)
        points = [(float(a), float(o)) for a in range(-80, 81, 20) for o in (0, 90)]
        alike = model.similarity(vector, points)
        assert at(fix) == points[int(np.argmax(alike))]
        assert [one.score for one in fix.candidates] == sorted(
            (one.score for one in fix.candidates), reverse=True
        )
        again = explained(agent, sample_path(), method="geoclip", coverage=0.5)
        assert at(again) == at(fix)
    (kept,) = (tmp_path / "cache" / "geofix").glob("geoclip-places-*.npz")
    kept.write_bytes(b"damaged")
    with open_agent(Settings(database_url=starter_url, image_place=clip)) as agent:
        assert at(explained(agent, sample_path(), method="geoclip", coverage=0.8)) == at(fix)


def test_g3_takes_the_place_most_like_the_photo_by_geoclip(lab: Any, clip: str) -> None:
    opened = lab(*[point(*SYDNEY), point(*DOME)] * 10, image_place=clip)
    fix, _ = opened.locate(method="g3")
    model, services = opened.agent.services.image_place, opened.agent.services
    vector = services.queries.vector(fix.photo.removeprefix("sha256:"), model.name)
    best = max(model.similarity(vector, [(c.latitude, c.longitude) for c in fix.candidates]))
    assert fix.candidates[0].score == pytest.approx(max(0.0, best))
    places = {(one.latitude, one.longitude) for one in fix.candidates}
    hits = opened.agent.graph.get_state({"configurable": {"thread_id": fix.run}}).values
    found = [(hit.latitude, hit.longitude) for hit in hits["retrievals"][0].positives]
    assert len(found) == 15
    assert places == {SYDNEY, DOME, found[0]}
