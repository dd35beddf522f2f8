"""One kind of evidence alone never moves the answer across a region."""

from __future__ import annotations

import pytest

from geofix.agent.state import Candidate, Draft
from geofix.agent.verify.evidence import FEATURES
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.scorers import HAND_SET, Scorers
from geofix.tools.geometry import GeometricMatch
from tests.unit.agent.choosing import chosen, drafted
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, hit

PARIS_LEADS = [
    hit(PARIS, 0.80, photo_id=1),
    hit((PARIS[0] + 0.01, PARIS[1]), 0.79, photo_id=2),
    hit(BERLIN, 0.65, photo_id=3),
]


def trusting(*names: str, by: float = 50.0) -> Scorers:
    """The hand-set scorer, with far too much trust in some features."""
    place = HAND_SET.place
    weights = {**place.coefficients, **dict.fromkeys(names, by)}
    zeros, ones = dict.fromkeys(weights, 0.0), dict.fromkeys(weights, 1.0)
    update = {"coefficients": weights, "means": zeros, "scales": ones}
    return Scorers(place=Scorer.model_validate(place.model_dump() | update))


def match(inliers: int) -> GeometricMatch:
    return GeometricMatch(inliers, 200, "fundamental", inliers / 200, 0.5)


def first_of(candidates: list[Candidate]) -> tuple[float, float]:
    return round(candidates[0].latitude), round(candidates[0].longitude)


def test_a_planted_draft_does_not_move_the_answer_however_much_it_is_trusted() -> None:
    berlin = chosen(PARIS_LEADS, [drafted(BERLIN)], scorers=trusting("draft"))[1]
    assert berlin.score > 0.99
    assert berlin.held_back is not None
    assert berlin.held_back.code == "one_kind_of_evidence"
    assert "only drafts would move the answer 87" in berlin.held_back.text
    assert berlin.rank == 2


def test_a_drafted_place_without_photos_does_not_either() -> None:
    near_berlin = (BERLIN[0] + 1.0, BERLIN[1])
    candidates = chosen(PARIS_LEADS, [drafted(near_berlin)], scorers=trusting("draft"))
    assert first_of(candidates) == (49, 2)
    assert next(c for c in candidates if c.origin == "draft").held_back is not None


@pytest.mark.parametrize("count", [1, 5, 50])
def test_drafts_that_agree_move_a_score_and_never_the_answer_to_another_region(
    count: int,
) -> None:
    agreeing = drafted(BERLIN).model_copy(update={"agrees_with": "candidate 2"})
    silent = {first_of([one]): one.score for one in chosen(PARIS_LEADS)}
    for scorers, moved in ((HAND_SET, 0.3), (trusting("drafts_agree"), 50.0)):
        candidates = chosen(PARIS_LEADS, [agreeing] * count, scorers=scorers)
        assert first_of(candidates) == (49, 2)
        berlin = candidates[1]
        assert berlin.terms["drafts_agree"] == pytest.approx(moved)
        assert berlin.score > silent[first_of([berlin])]
    assert berlin.score > 0.99
    assert berlin.held_back is not None
    assert "no kind of evidence favors it" in berlin.held_back.text


@pytest.mark.parametrize("name", [f.name for f in FEATURES if f.kind in ("geometry", "ground")])
def test_a_planted_feature_of_one_kind_does_not_either(name: str) -> None:
    compared = {1: match(5), 2: match(6), 3: match(190)}
    for weight in (50.0, -50.0):
        candidates = chosen(PARIS_LEADS, matches=compared, scorers=trusting(name, by=weight))
        assert first_of(candidates) == (49, 2)


def test_two_kinds_that_agree_move_it() -> None:
    candidates = chosen(
        PARIS_LEADS,
        [drafted(BERLIN)],
        matches={1: match(5), 3: match(190)},
        scorers=trusting("draft", "inliers_lead"),
    )
    assert first_of(candidates) == (53, 13)
    assert all(candidate.held_back is None for candidate in candidates)


def test_geometry_decides_where_votes_are_as_good() -> None:
    even = [hit(PARIS, 0.62, photo_id=1), hit(BERLIN, 0.60, photo_id=3)]
    compared = {1: match(5), 3: match(190)}
    assert first_of(chosen(even)) == (49, 2)
    assert first_of(chosen(even, matches=compared)) == (53, 13)


def test_a_draft_may_choose_within_the_region() -> None:
    towns = [hit(PARIS, 0.80), hit(CHARTRES, 0.70), hit(BERLIN, 0.6)]
    candidates = chosen(towns, [drafted(CHARTRES)], scorers=trusting("draft"))
    assert candidates[0].latitude == pytest.approx(CHARTRES[0])
    assert candidates[0].held_back is None


def test_samples_of_one_model_are_one_kind() -> None:
    samples: list[Draft] = [drafted(BERLIN) for _ in range(20)]
    trust = trusting("draft", "drafts_here", "drafts_in_region", "clue_country")
    assert first_of(chosen(PARIS_LEADS, samples, scorers=trust)) == (49, 2)


def test_a_kind_that_found_nothing_at_a_place_does_not_speak_for_it() -> None:
    trust = trusting("draft", "not_compared")
    compared = {1: match(5), 2: match(6)}
    candidates = chosen(PARIS_LEADS, [drafted(BERLIN)], matches=compared, scorers=trust)
    assert candidates[1].score > candidates[0].score
    assert first_of(candidates) == (49, 2)
