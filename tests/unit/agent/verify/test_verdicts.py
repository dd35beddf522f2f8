from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.fix.present import present
from geofix.agent.state import Asked, Candidate, Draft, Hit, Settled, Verdict
from geofix.agent.verify.candidates import NOWHERE_KM
from geofix.agent.verify.rounds import numbered
from geofix.agent.verify.verdict import decide, guess_of
from geofix.tools.geometry import GeometricMatch
from tests.unit.agent.candidate import candidate
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
    assert [reason.code for reason in decided.reasons] == [
        "unlike_gallery",
        "votes_scattered",
        "rarity",
    ]
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
    tied = verdict([hit(PARIS, 0.6), hit(CHARTRES, 0.6)], rounds_left=0)
    assert tied.reasons[0].text.startswith("undecided between ")


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


def placed(place: tuple[float, float], score: float, name: str, **fields: Any) -> Candidate:
    parts = {"likeness": 0.99, "draft": 0.0, "share_750_km": 1.0}
    known = candidate(place, score, scale_km=750.0, **parts)
    return known.model_copy(update={"place": name, **fields})


MUNICH = (48.137, 11.575)
TIED = numbered([placed(MUNICH, 0.33, "Munich, Bavaria"), placed(BERLIN, 0.33, "Berlin, Germany")])


def decided_of(candidates: list[Candidate], **options: Any) -> Verdict:
    positives = [hit((one.latitude, one.longitude), 0.6) for one in candidates]
    return decide(candidates, retrieval(positives), Context(**options), rounds_left=0)


@pytest.mark.parametrize(
    ("options", "decision"),
    [
        ({}, "abstain"),
        ({"pause": "unsure"}, "review"),
        ({"best_guess": True}, "accept"),
        ({"best_guess": True, "pause": "unsure"}, "review"),
        ({"accept_margin": 0.0}, "abstain"),
    ],
)
def test_a_tie_within_the_scale_of_the_first_is_a_tie(
    options: dict[str, Any], decision: str
) -> None:
    decided = decided_of(TIED, **options)
    assert decided.decision == decision
    headline, scores = [reason.text for reason in decided.reasons[:2]]
    assert headline == "undecided between Munich and Berlin (504 km apart)"
    more = "" if "accept_margin" in options else "; a lead of less than 0.05 does not count"
    assert scores == f"Munich scores 0.33 and Berlin 0.33{more}"
    assert (guess_of(decided) == decided.reasons[0]) is (decision == "accept")


@pytest.mark.parametrize(("lead", "decision"), [(0.049, "abstain"), (0.051, "accept")])
def test_within_the_scale_of_the_first_a_smaller_lead_is_enough(lead: float, decision: str) -> None:
    first, second = TIED
    ahead = first.model_copy(update={"score": second.score + lead})
    assert decided_of([ahead, second]).decision == decision
    # Beyond it nothing has changed: 0.15.
    near = ahead.model_copy(update={"scale_km": 25.0})
    assert decided_of([near, second]).decision == "abstain"


def test_a_score_lower_than_asked_for_is_no_answer() -> None:
    first = TIED[0]
    assert decided_of([first], accept_score=0.33).decision == "accept"
    decided = decided_of([first], accept_score=0.34)
    assert decided.decision == "abstain"
    assert decided.reasons[0].text == "Munich scores only 0.33, and 0.34 was asked for"


def test_scores_are_written_as_the_table_writes_them() -> None:
    first = TIED[0].model_copy(update={"score": 0.2351})
    shown = present(
        Settled(status="abstained", candidates=[first]), Asked(run="r", thread="r", photo="p")
    )
    (row,) = shown.candidates
    decided = decided_of([first], accept_score=0.5)
    assert f"scores only {row.score:.2f}," in decided.reasons[0].text


def test_what_is_no_rival_makes_no_tie() -> None:
    first, second = TIED
    held = second.model_copy(update={"held_back": Reason.of(Code.ONE_KIND_OF_EVIDENCE, "alone")})
    vetoed = second.model_copy(update={"vetoed": Reason.of(Code.IN_SEA, "in the sea")})
    suburb = placed((48.3, 11.6), 0.33, "Freising, Bavaria")
    for other in (held, vetoed, suburb):
        assert decided_of(numbered([first, other])).decision == "accept"


def test_several_rivals_are_counted_and_places_of_one_name_told_apart() -> None:
    alike = [placed(PARIS, 0.33, "Paris, France"), placed((33.66, -95.55), 0.33, "Paris, Texas")]
    text = decided_of(numbered(alike)).reasons[0].text
    assert text.startswith("undecided between Paris, France and Paris, Texas (")
    many = [
        *TIED,
        placed(PARIS, 0.33, "Paris"),
        placed(SUVA, 0.33, "Suva"),
        placed((0, 20), 0.3, "X"),
    ]
    text = decided_of(numbered(many)).reasons[0].text
    assert text == "undecided between Munich, Berlin, Paris and 2 more (up to 16,913 km apart)"


def test_without_half_of_the_votes_points_of_a_picture_decide_all_the_same() -> None:
    nowhere = {"scale_km": NOWHERE_KM, "parts": {"likeness": 0.99, "draft": 0.0, "inliers": 19.0}}
    first = placed(MUNICH, 0.5, "Munich, Bavaria", **nowhere)
    decided = decided_of([first])
    assert decided.decision == "abstain"
    assert decided.reasons[0].text == "only 0% of the votes are within 2,500 km of Munich"
    assert guess_of(decided_of([first], best_guess=True)) == decided.reasons[0]
    assert (
        decided_of([first.model_copy(update={"parts": first.parts | {"inliers": 20.0}})]).decision
        == "accept"
    )


def test_a_veto_that_decides_is_the_reason_that_is_told() -> None:
    vetoed = [
        one.model_copy(update={"vetoed": Reason.of(Code.IN_SEA, f"in the sea {number}")})
        for number, one in enumerate([*TIED, TIED[0]])
    ]
    decided = decided_of([*vetoed[:2], vetoed[1]])
    assert decided.reasons[0].code == "all_excluded"
    assert decided.reasons[0].text == "every candidate was ruled out: in the sea 0; in the sea 1"


def test_what_was_held_back_is_told_where_it_would_have_come_first() -> None:
    first, second = TIED
    common = first.model_copy(update={"parts": first.parts | {"likeness": 0.1}})
    reason = Reason.of(Code.ONE_KIND_OF_EVIDENCE, "drafts alone")
    for score, told in ((0.4, True), (0.2, False)):
        held = second.model_copy(update={"held_back": reason, "score": score})
        decided = decided_of([common, held])
        assert decided.reasons[0].code == "unlike_gallery"
        assert (
            "Berlin, Germany was left out: drafts alone" in said(decided, Code.LEFT_OUT)
        ) is told


def test_the_reason_counts_the_photos_that_the_table_counts() -> None:
    parts = {"likeness": 0.7, "draft": 0.0}
    for independent, share, told in (
        (1, 0.9, "14 of 2 similar photos were taken at Munich, but side by side: they count as 1,"),
        (
            14,
            0.3,
            "14 of 2 similar photos were taken at Munich, and they have only 30% of the votes",
        ),
    ):
        fields = {"photos": 14, "independent": independent}
        first = placed(MUNICH, 0.33, "Munich", parts={**parts, "share_25_km": share}, **fields)
        decided = decided_of([first, TIED[1].model_copy(update={"score": 0.1})])
        assert told in said(decided, Code.VOTES_SCATTERED)


def test_one_photo_with_nearly_all_votes_is_told_apart_and_named() -> None:
    photos = [hit(PARIS, 0.9 - 0.3 * min(1, i), photo_id=i) for i in range(14)]
    decided = verdict([*photos, hit(BERLIN, 0.2, photo_id=20), hit(SUVA, 0.2, photo_id=21)])
    assert decided.decision == "accept"
    assert "14 of 16 similar photos were taken" in decided.reasons[0].text
    assert decided.reasons[0].text.endswith(
        "they have 100% of the votes, and one photo alone has 97%"
    )
    assert "the best match from here, 0 of the gallery test, has similarity 0.90" in said(
        decided, Code.RARITY
    )
    even = verdict([hit(PARIS, 0.9, photo_id=i) for i in range(14)])
    assert even.reasons[0].text.endswith("they have 100% of the votes")


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
