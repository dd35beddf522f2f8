from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.state import Draft, Hit, Verdict
from geofix.agent.verify.verdict import decide
from geofix.tools.geometry import GeometricMatch
from tests.unit.agent.choosing import chosen
from tests.unit.agent.choosing import drafted as drafted_at
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, SUVA, hit, retrieval


def verdict(
    positives: list[Hit], *, drafts: list[Draft] | None = None, rounds_left: int = 2, **options: Any
) -> Verdict:
    candidates = chosen(positives, drafts)
    return decide(candidates, retrieval(positives), Context(**options), rounds_left=rounds_left)


def said(decided: Verdict, code: Code) -> str:
    return " ".join(reason.text for reason in decided.reasons if reason.code == code)


def test_one_photo_that_is_alike_as_no_other_is_accepted() -> None:
    decided = verdict([hit(PARIS, 0.8, impostor_share=0.006), hit(BERLIN, 0.4)])
    assert decided.decision == "accept"
    assert [reason.code for reason in decided.reasons] == ["votes", "rarity"]
    assert "within 1 km" in decided.reasons[0].text


def test_a_likeness_that_is_common_abstains_and_says_how_common() -> None:
    decided = verdict([hit(PARIS, 0.3, impostor_share=0.79), hit(BERLIN, 0.1)])
    assert decided.decision == "abstain"
    assert [reason.code for reason in decided.reasons] == ["unlike_gallery", "votes_scattered"]
    assert "79%" in decided.reasons[0].text


def test_three_photos_that_agree_outweigh_a_likeness_that_is_not_rare() -> None:
    agreeing = [
        hit((PARIS[0] + i * 0.001, PARIS[1]), 0.40, impostor_share=0.3, photo_id=i)
        for i in range(3)
    ]
    assert verdict([*agreeing, hit(BERLIN, 0.2)]).decision == "accept"
    assert verdict([*agreeing[:2], hit(BERLIN, 0.2)]).decision == "abstain"


def test_past_the_median_no_agreement_counts() -> None:
    agreeing = [hit(PARIS, 0.40, impostor_share=0.6, photo_id=i) for i in range(5)]
    assert verdict(agreeing).decision == "abstain"


def test_frames_of_one_walk_are_one_witness() -> None:
    frames = [
        hit((PARIS[0] + i * 0.00005, PARIS[1]), 0.40, impostor_share=0.3, photo_id=i)
        for i in range(3)
    ]
    assert verdict([*frames, hit(BERLIN, 0.2)]).decision == "abstain"


def test_without_a_null_distribution_nothing_tells_what_is_alike() -> None:
    decided = verdict([hit(PARIS, 0.8, impostor_share=None)])
    assert decided.decision == "abstain"
    assert decided.reasons[0].code == "gallery_too_small"
    assert verdict([hit(PARIS, 0.8, impostor_share=None)], vectors="raw").decision == "accept"


def test_the_likeness_that_counts_is_the_leading_places_own() -> None:
    lone = hit(SUVA, 0.60, impostor_share=0.01)
    paris = [
        hit((PARIS[0] + i * 0.001, PARIS[1]), 0.59, impostor_share=0.6, photo_id=i)
        for i in range(4)
    ]
    assert verdict([lone, *paris], accept_margin=0.0).decision == "abstain"


def test_two_towns_of_one_region_are_looked_at_closer_not_given_up() -> None:
    assert verdict([hit(PARIS, 0.6), hit(CHARTRES, 0.6)]).decision == "refine"
    coarse = verdict([hit(PARIS, 0.6), hit(CHARTRES, 0.6)], rounds_left=0)
    assert coarse.decision == "accept"


def test_a_place_known_to_a_region_only_is_looked_at_closer_while_rounds_are_left() -> None:
    votes = [hit(PARIS, 0.62), hit(CHARTRES, 0.6), hit(BERLIN, 0.6)]
    assert verdict(votes, accept_margin=0.0).decision == "refine"
    assert verdict(votes, accept_margin=0.0, rounds_left=0).decision == "accept"


def test_two_places_that_stay_close_are_not_decided_by_a_hair() -> None:
    close = [hit(PARIS, 0.6), hit(SUVA, 0.595)]
    decided = verdict(close)
    assert decided.decision == "abstain"
    assert decided.reasons[0].code == "ambiguous"
    assert verdict(close, pause="unsure").decision == "review"


def test_votes_scattered_over_continents_abstain() -> None:
    scattered = [hit(PARIS, 0.6), hit(SUVA, 0.58), hit((-33.4, -70.7), 0.58)]
    decided = verdict(scattered, accept_margin=0.0)
    assert decided.decision == "abstain"
    assert decided.reasons[0].code == "no_majority"


def test_nothing_found_abstains_and_says_where() -> None:
    decided = verdict([])
    assert decided.decision == "abstain"
    assert decided.reasons == [Reason.of(Code.NO_PHOTO_FOUND, "no photo was found in the gallery")]


def test_vetoed_drafts_alone_abstain_and_one_beside_others_is_named() -> None:
    far = Draft(
        round=0, drafted_by="test:model", latitude=BERLIN[0], longitude=BERLIN[1], confidence=1.0
    )
    decided = verdict([hit(PARIS, 0.8)], drafts=[far])
    assert decided.decision == "accept"
    assert "was left out" in said(decided, Code.LEFT_OUT)


def test_a_draft_that_no_photo_speaks_for_is_told_as_that() -> None:
    photo = hit((PARIS[0] + 1, PARIS[1]), 0.3, impostor_share=0.9)
    drafted, *others = reversed(chosen([photo], [drafted_at(PARIS)]))
    assert drafted.origin == "draft" and drafted.vetoed is None
    decided = decide([drafted, *others], retrieval([photo]), Context(), rounds_left=0)
    assert decided.decision == "abstain"
    assert [reason.code for reason in decided.reasons] == ["draft_only"]
    assert "100%" not in decided.reasons[0].text


AGREEING = [
    hit((PARIS[0] + i * 0.001, PARIS[1]), 0.40, impostor_share=0.3, photo_id=i) for i in range(3)
]


@pytest.mark.parametrize(("there", "decision"), [(40, "accept"), (60, "abstain")])
def test_that_photos_agree_tells_something_only_where_the_gallery_is_elsewhere_too(
    there: int, decision: str
) -> None:
    positives = [*AGREEING, hit(BERLIN, 0.2)]
    candidates = chosen(
        positives, density=lambda lat, lon: np.full(len(lat), there), photos_in_gallery=100
    )
    decided = decide(candidates, retrieval(positives), Context(), rounds_left=0)
    assert decided.decision == decision
    assert ("1.7 times the votes" in said(decided, Code.VOTES_EXPECTED)) is (decision == "abstain")


@pytest.mark.parametrize(("inliers", "decision"), [(20, "accept"), (19, "abstain")])
def test_geometry_outweighs_a_likeness_that_is_common(inliers: int, decision: str) -> None:
    positives = [hit(PARIS, 0.4, impostor_share=0.6, photo_id=1), hit(BERLIN, 0.2, photo_id=2)]
    matches = {1: GeometricMatch(inliers, 100, "fundamental", inliers / 100, 0.5)}
    candidates = chosen(positives, matches=matches)
    decided = decide(candidates, retrieval(positives), Context(), rounds_left=0)
    assert decided.decision == decision
    assert ("20 points match" in said(decided, Code.POINTS_MATCH)) is (decision == "accept")
