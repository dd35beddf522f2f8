from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geofix.agent.context import Context
from geofix.agent.regions import circle, next_look
from geofix.agent.state import Candidate
from geofix.agent.verify.candidates import pool_candidates
from geofix.agent.verify.choose import choose
from geofix.agent.verify.observed import Observed
from geofix.agent.verify.rounds import ranked, region_share
from geofix.agent.verify.scorer import Scorer, logistic
from geofix.agent.verify.scorers import HAND_SET, SHARE_WEIGHTS, Scorers
from geofix.agent.verify.verdict import decide
from geofix.tools.geo.distance import are_within, haversine_km
from tests.unit.agent.choosing import chosen, drafted
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, SUVA, hit, retrieval

MID_ATLANTIC = (30.0, -40.0)

WITH_IMAGE_PLACE = HAND_SET.place.model_copy(
    update={
        "coefficients": {**HAND_SET.place.coefficients, "image_place_lead": 9.0},
        "means": {**HAND_SET.place.means, "image_place_lead": 0.0},
        "scales": {**HAND_SET.place.scales, "image_place_lead": 1.0},
    }
)


def test_the_better_supported_place_comes_first_and_the_terms_are_shown() -> None:
    first, second = chosen([hit(BERLIN, 0.4), hit(PARIS, 0.8)])
    assert (first.rank, second.rank) == (1, 2)
    assert first.latitude == pytest.approx(PARIS[0])
    assert first.terms["independent"] == 0
    weighted = sum(weight * first.parts[f"share_{km:g}_km"] for km, weight in SHARE_WEIGHTS.items())
    total = weighted + 0.1 * first.parts["likeness"]
    assert first.score == pytest.approx(logistic(4 * total - 2))
    assert sum(first.terms.values()) == pytest.approx(4 * total)
    assert first.terms["likeness"] == pytest.approx(0.4 * first.parts["likeness"])
    assert second.distance_km == pytest.approx(879, abs=10)


def test_photos_that_were_not_taken_side_by_side_count_beside_their_votes() -> None:
    near_paris = (PARIS[0] + 0.01, PARIS[1])
    one = chosen([hit(BERLIN, 0.4), hit(PARIS, 0.8)])[0]
    two = chosen([hit(BERLIN, 0.4), hit(PARIS, 0.8), hit(near_paris, 0.3)])[0]
    assert two.independent == 2
    assert two.terms["independent"] == pytest.approx(0.75 * math.log(1.5))
    assert two.score > one.score


def test_dissimilar_photos_at_the_same_place_speak_against_it() -> None:
    plain = chosen([hit(PARIS, 0.8)])[0]
    against = chosen([hit(PARIS, 0.8)], negatives=[hit(PARIS, -0.5), hit(BERLIN, -0.5)])[0]
    assert against.parts["contradiction"] == 0.5
    assert against.score < plain.score


def test_a_draft_far_from_every_photo_is_vetoed_however_sure_it_is() -> None:
    candidates = chosen([hit(PARIS, 0.3)], [drafted(BERLIN)])
    assert [candidate.vetoed is None for candidate in candidates] == [True, False]
    assert candidates[1].vetoed is not None
    assert candidates[1].vetoed.code == "no_photo_near" and "200 km" in candidates[1].vetoed.text


def test_a_draft_near_a_photo_is_not_vetoed() -> None:
    lyon_like = (PARIS[0] - 1.2, PARIS[1])
    assert chosen([hit(PARIS, 0.8)], [drafted(lyon_like)])[1].vetoed is None


def test_a_draft_in_the_sea_is_vetoed_and_a_photo_there_is_not() -> None:
    sea = chosen([hit(PARIS, 0.8)], [drafted(MID_ATLANTIC)])[1]
    assert sea.vetoed is not None and sea.vetoed.code == "in_sea"
    ship = chosen([hit(MID_ATLANTIC, 0.8)])[0]
    assert ship.vetoed is None
    assert ship.parts["land"] == 0.0


def test_agreement_of_a_draft_raises_the_score() -> None:
    alone = chosen([hit(PARIS, 0.8)])[0]
    agreed = chosen([hit(PARIS, 0.8)], [drafted(PARIS)])[0]
    assert agreed.score > alone.score
    assert agreed.terms["draft"] == pytest.approx(0.4)


def test_a_claim_stands_last_with_its_own_evidence_and_is_vetoed() -> None:
    photos = [hit(PARIS, 0.8), hit((BERLIN[0] + 1, BERLIN[1]), 0.7)]
    drafts = [drafted(MID_ATLANTIC)]
    claimed = chosen(photos, drafts, claimed=BERLIN, place_similarity=by_latitude)
    last = claimed[-1]
    assert (last.origin, last.photos, last.rank) == ("claim", 0, 4)
    assert last.vetoed is not None and last.vetoed.code == "claim_only"
    assert last.distance_km == pytest.approx(879, abs=10)
    assert last.parts["image_place"] == pytest.approx(BERLIN[0] / 90)
    assert last.parts["image_place_lead"] == pytest.approx(-1 / 90)
    assert len(chosen(photos, drafts, claimed=PARIS)) == 3
    assert [c.origin for c in chosen([], claimed=PARIS)] == ["claim"]


def by_latitude(points: Sequence[tuple[float, float]]) -> list[float]:
    """Stand in for an image-place model that likes the north."""
    return [latitude / 90 for latitude, _ in points]


def test_the_claim_of_the_round_before_is_looked_at_anew_and_stands_last() -> None:
    liked_by_the_model = (80.0, 20.0)
    asked = {
        "scorers": Scorers(place=WITH_IMAGE_PLACE),
        "claimed": liked_by_the_model,
        "place_similarity": by_latitude,
    }
    photos, drafts = [hit(PARIS, 0.8), hit(SUVA, 0.7)], [drafted(MID_ATLANTIC)]
    before = chosen(photos, drafts, **asked)
    looked = circle(*PARIS, 200.0)
    after = choose(
        Observed(
            retrieval=retrieval([hit(PARIS, 0.8)]).model_copy(update={"region": looked}),
            before=before,
            place_similarity=by_latitude,
            claimed=liked_by_the_model,
        ),
        region=looked,
        within=(),
        region_share=1.0,
        scorers=Scorers(place=WITH_IMAGE_PLACE),
    )
    for candidates in (before, after):
        *others, last = candidates
        assert [c.origin for c in others] == ["cluster", "cluster", "draft"]
        assert last.origin == "claim" and last.score > others[-1].score


TOWNS = [PARIS, CHARTRES, BERLIN, SUVA, (PARIS[0] + 0.1, PARIS[1])]
somewhere = st.tuples(
    st.sampled_from(TOWNS), st.floats(-0.4, 0.4), st.sampled_from([0.0, 1.0])
).map(lambda drawn: (drawn[0][0] + drawn[1], drawn[0][1] + drawn[2]))
found_photos = st.lists(st.tuples(somewhere, st.floats(0.1, 0.9)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    claim=somewhere,
    rounds=st.tuples(found_photos, found_photos),
    said=st.lists(somewhere, max_size=2),
    # An image-place model with a say, as a calibration may give it one.
    scorer=st.sampled_from([HAND_SET.place, WITH_IMAGE_PLACE]),
)
def test_a_claim_changes_nothing_of_any_other_candidate(
    claim: tuple[float, float],
    rounds: tuple[list[Any], list[Any]],
    said: list[tuple[float, float]],
    scorer: Scorer,
) -> None:
    def ask(claimed: tuple[float, float] | None) -> list[list[Candidate]]:
        answers: list[list[Candidate]] = []
        looked = circle(*PARIS, 200.0)
        for number, photos in enumerate(rounds):
            hits = [hit(at, alike, photo_id=i) for i, (at, alike) in enumerate(photos)]
            observed = Observed(
                retrieval=retrieval(hits).model_copy(
                    update={"temperature": 0.05, "region": looked if number else None}
                ),
                drafts=[drafted(at) for at in said],
                before=answers[-1] if answers else [],
                place_similarity=by_latitude,
                claimed=claimed,
            )
            answers.append(
                choose(
                    observed,
                    region=looked if number else None,
                    within=(),
                    region_share=0.5 if number else 1.0,
                    scorers=Scorers(place=scorer),
                )
            )
        return answers

    for number, (plain, claimed) in enumerate(zip(ask(None), ask(claim), strict=True)):
        assert plain == [candidate for candidate in claimed if candidate.origin != "claim"]
        assert len(claimed) - len(plain) <= 1
        found = retrieval([hit(at, alike) for at, alike in rounds[number]])
        first, second = (
            decide(candidates, found, Context(), rounds_left=1) for candidates in (plain, claimed)
        )
        assert first.decision == second.decision
        assert next_look(plain, None) == next_look(claimed, None)


def test_a_finer_round_keeps_what_lies_outside_its_regions() -> None:
    before = chosen([hit(PARIS, 0.50), hit(CHARTRES, 0.49), hit(BERLIN, 0.5), hit(SUVA, 0.48)])
    looked = circle(*PARIS, 200.0)
    for rival, left in ((None, [49, 53, -18]), (circle(*SUVA, 200.0), [49, 53])):
        found = retrieval([hit(PARIS, 0.50)]).model_copy(
            update={"region": looked, "rival": rival, "round": 1}
        )
        after = choose(
            Observed(retrieval=found, drafts=[], before=before),
            region=looked,
            within=(),
            region_share=0.5,
            scorers=HAND_SET,
        )
        assert sorted(round(candidate.latitude) for candidate in after) == sorted(left)
        assert [candidate.rank for candidate in after] == list(range(1, 1 + len(left)))


def test_the_share_of_a_region_is_that_of_its_votes_round_by_round() -> None:
    first = retrieval([hit(PARIS, 0.5), hit(CHARTRES, 0.5), hit(BERLIN, 0.5), hit(SUVA, 0.5)])
    second = retrieval([hit(PARIS, 0.5), hit(CHARTRES, 0.5)]).model_copy(
        update={"region": circle(*PARIS, 200.0)}
    )
    third = retrieval([hit(PARIS, 0.5)]).model_copy(update={"region": circle(*PARIS, 25.0)})
    assert region_share([first]) == 1.0
    assert region_share([first, second]) == pytest.approx(0.5)
    assert region_share([first, second, third]) == pytest.approx(0.25)
    both = second.model_copy(update={"rival": circle(*SUVA, 200.0)})
    assert region_share([first, both]) == pytest.approx(0.75)


def test_a_closer_look_makes_no_place_surer_than_its_region_was() -> None:
    alone = pool_candidates([hit(PARIS, 0.5)], [], 0.05, region_share=0.25)[0]
    assert alone.shares[1.0] == pytest.approx(0.25)
    assert alone.candidate.scale_km > 2500


def test_nothing_is_ranked_as_nothing() -> None:
    assert ranked([]) == []
    assert chosen([]) == []


def test_a_vetoed_candidate_is_last_and_one_held_back_before_it_whatever_their_scores() -> None:
    plain = chosen([hit(PARIS, 0.8)])[0]
    vetoed = plain.model_copy(update={"score": 1.0, "vetoed": "a reason"})
    held = plain.model_copy(update={"score": 0.9, "held_back": "another"})
    order: list[Candidate] = ranked([vetoed, held, plain.model_copy(update={"score": 0.1})])
    assert [(c.vetoed, c.held_back) for c in order] == [
        (None, None),
        (None, "another"),
        ("a reason", None),
    ]


def distances_asked(count: int) -> tuple[int, int]:
    """Return how many candidates so many photos make, and how often distances are computed."""
    scattered = [
        hit((-50 + 100 * at / count, (at * 77.7) % 360 - 180), 0.8 - at / 1000, photo_id=at)
        for at in range(count)
    ]
    negatives = [hit((-at / 10, at / 10), -0.5) for at in range(count)]
    codes, calls = {haversine_km.__code__, are_within.__code__}, 0

    def counting(frame: FrameType, event: str, argument: CodeType | None) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code in codes

    drafts = [drafted((at.latitude, at.longitude)) for at in scattered[:10]]
    sys.setprofile(counting)
    try:
        candidates = chosen(
            scattered, drafts, negatives, before=chosen(scattered), place_similarity=by_latitude
        )
    finally:
        sys.setprofile(None)
    return len(candidates), calls


def test_more_photos_need_no_more_computations_of_distances() -> None:
    few, with_few = distances_asked(30)
    many, with_many = distances_asked(150)
    assert (few, many) == (30, 150)
    # Fewer than once a candidate: a few whole tables of distances, whatever their size.
    assert with_few < 60 and with_many < 60, (with_few, with_many)
