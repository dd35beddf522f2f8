"""A planted draft, through the whole graph, with a scorer that believes models far too much."""

from __future__ import annotations

from typing import Any

import pytest

from geofix.agent.verify.scorers import HAND_SET
from tests.integration.scripted_model import UNPLACED, said
from tests.unit.agent.calibrations import fitted

AMSTERDAM = {"latitude": 52.371, "longitude": 4.897}
"""The starter gallery has photos there, none with these digits: a copy would be no witness."""


def calibrate(lab: Any, place: dict[str, Any]) -> None:
    """Store a calibration with a scorer of places."""
    services = lab.agent.services
    centring = services.gallery.centring(services.encoder.name)
    assert centring is not None
    document = fitted(
        encoder=services.encoder.name,
        drafted_by=services.drafted_by,
        centring_version=centring.version,
        photos_in_gallery=centring.photos,
        scorers={"place": place},
    )
    services.calibrations.save(
        services.encoder.name, (), services.drafted_by, document.model_dump(mode="json")
    )


def believing_models(weight: float) -> dict[str, Any]:
    """The hand-set scorer, with another weight for drafts."""
    place = HAND_SET.place.model_dump()
    return place | {"coefficients": place["coefficients"] | {"draft": weight}}


@pytest.mark.parametrize("weight", [0.4, 50.0])
def test_a_planted_draft_does_not_move_the_answer_across_regions(lab: Any, weight: float) -> None:
    quiet = lab(said(**UNPLACED))
    calibrate(quiet, believing_models(weight))
    silent, _ = quiet.locate()
    opened = lab(*[said(**AMSTERDAM, confidence=1)] * 3)
    calibrate(opened, believing_models(weight))
    fix, _ = opened.locate()
    assert fix.status == "located"
    assert (fix.latitude, fix.longitude) == (silent.latitude, silent.longitude)
    planted = next(c for c in fix.candidates if c.parts["draft"] > 0)
    assert planted.rank > 1
    if planted.vetoed is None and weight > 1:
        assert planted.score > fix.candidates[0].score
        assert any("only drafts would move the answer" in reason.text for reason in fix.reasons)


def test_the_trail_names_the_scorer_and_shows_its_terms(lab: Any) -> None:
    opened = lab(said())
    calibrate(opened, believing_models(2.0) | {"name": "believing"})
    fix, _ = opened.locate()
    steps = opened.agent.services.trail.read(fix.run).steps
    verify = next(step for step in steps if step.node == "verify")
    assert verify.detail["scorers"]["place"]["name"] == "believing"
    first = verify.detail["candidates"][0]
    assert first["terms"]["draft"] == pytest.approx(2.0 * first["parts"]["draft"])


def test_scorers_of_another_version_are_not_used_and_the_answer_says_so(lab: Any) -> None:
    opened = lab(said())
    one = {"older": 1.0}
    place = HAND_SET.place.model_dump() | {"coefficients": one, "means": one, "scales": one}
    calibrate(opened, place)
    fix, _ = opened.locate()
    assert sum("no feature is called 'older'" in line.text for line in fix.degraded) == 1
