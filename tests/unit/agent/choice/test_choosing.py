from __future__ import annotations

import math

import pytest

from geofix.agent.candidates import pool_candidates
from geofix.agent.choice.choosing import choose
from geofix.agent.choice.observed import Observed
from geofix.agent.choice.ranking import ranked
from geofix.agent.choice.region_votes import region_share
from geofix.agent.choice.scorer import logistic
from geofix.agent.choice.scorers import HAND_SET, SHARE_WEIGHTS
from geofix.agent.regions import circle
from geofix.agent.state import Candidate
from tests.unit.agent.chosen import chosen, drafted
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, SUVA, hit, retrieval

MID_ATLANTIC = (30.0, -40.0)


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
    assert "200 km" in (candidates[1].vetoed or "")


def test_a_draft_near_a_photo_is_not_vetoed() -> None:
    lyon_like = (PARIS[0] - 1.2, PARIS[1])
    assert chosen([hit(PARIS, 0.8)], [drafted(lyon_like)])[1].vetoed is None


def test_a_draft_in_the_sea_is_vetoed_and_a_photo_there_is_not() -> None:
    sea = chosen([hit(PARIS, 0.8)], [drafted(MID_ATLANTIC)])[1]
    assert "sea" in (sea.vetoed or "")
    ship = chosen([hit(MID_ATLANTIC, 0.8)])[0]
    assert ship.vetoed is None
    assert ship.parts["land"] == 0.0


def test_agreement_of_a_draft_raises_the_score() -> None:
    alone = chosen([hit(PARIS, 0.8)])[0]
    agreed = chosen([hit(PARIS, 0.8)], [drafted(PARIS)])[0]
    assert agreed.score > alone.score
    assert agreed.terms["draft"] == pytest.approx(0.4)


def test_a_claim_is_a_candidate_and_no_witness_for_itself() -> None:
    photos = [hit(PARIS, 0.8), hit((BERLIN[0] + 1, BERLIN[1]), 0.7)]
    plain = chosen(photos)
    claimed = chosen(photos, claimed=BERLIN)
    last = claimed[-1]
    assert (last.origin, last.photos) == ("claim", 0)
    assert "nothing but the claim" in (last.vetoed or "")
    assert [c.score for c in claimed[:-1]] == [c.score for c in plain]
    assert len(chosen(photos, claimed=PARIS)) == len(plain)


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
            within=None,
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
    assert alone.parts["share_1_km"] == pytest.approx(0.25)
    assert alone.scale_km > 2500


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
