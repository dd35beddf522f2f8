from __future__ import annotations

import pytest

from geofix.agent.context import Context
from geofix.agent.state import SceneSeen
from geofix.agent.verify.geometry import AGREEING_INLIERS
from geofix.agent.verify.scene import SHOWS, rejection
from geofix.agent.verify.verdict import decide
from tests.unit.agent.candidate import candidate
from tests.unit.agent.hits import PARIS, hit, retrieval


def seen(kind: str) -> SceneSeen:
    return SceneSeen.model_validate(
        {"kind": kind, "shares": {"outdoors": 0.03}, "flatness": 0.7, "edges": 0.01}
    )


@pytest.mark.parametrize("kind", SHOWS)
def test_what_shows_no_place_gets_no_answer_and_keeps_its_candidates(kind: str) -> None:
    reason = rejection(seen(kind), candidate(PARIS, 0.9))
    assert reason is not None
    assert reason.code == "no_place_shown" and SHOWS[kind] in reason.text
    first = candidate(PARIS, 0.9, likeness=1.0, share_25_km=1.0)
    verdict = decide(
        [first], retrieval([hit(PARIS, 0.9)]), Context(), rounds_left=2, scene=seen(kind)
    )
    assert (verdict.decision, verdict.reasons[0]) == ("abstain", reason)


def test_a_street_is_answered_and_so_is_a_photo_nobody_looked_at() -> None:
    assert rejection(seen("outdoors"), candidate(PARIS, 0.9)) is None
    assert rejection(None, candidate(PARIS, 0.9)) is None


def test_geometry_excuses_the_scene_and_little_of_it_does_not() -> None:
    enough = candidate(PARIS, 0.9, inliers=AGREEING_INLIERS)
    assert rejection(seen("indoors"), enough) is None
    assert rejection(seen("indoors"), candidate(PARIS, 0.9, inliers=19)) is not None
