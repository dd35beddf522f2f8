from __future__ import annotations

import pytest

from geofix.agent.candidates import pool_candidates
from geofix.agent.regions import circle
from geofix.agent.scoring import SHARE_WEIGHTS, carried, ranked, region_share, score
from geofix.agent.state import Candidate, Draft
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, SUVA, hit, retrieval

MID_ATLANTIC = (30.0, -40.0)


def drafted(place: tuple[float, float]) -> Draft:
    return Draft(
        round=0, drafted_by="test:model", latitude=place[0], longitude=place[1], confidence=1.0
    )


def scored(positives: list, drafts: list[Draft] | None = None, negatives: list | None = None):  # type: ignore[no-untyped-def, type-arg]
    return score(pool_candidates(positives, drafts or [], 0.05), positives, negatives or [])


def test_the_better_supported_place_comes_first_and_the_parts_are_shown() -> None:
    first, second = scored([hit(BERLIN, 0.4), hit(PARIS, 0.8)])
    assert (first.rank, second.rank) == (1, 2)
    assert first.latitude == pytest.approx(PARIS[0])
    weighted = sum(weight * first.parts[f"share_{km:g}_km"] for km, weight in SHARE_WEIGHTS.items())
    assert first.score == pytest.approx(weighted + 0.1 * first.parts["likeness"])
    assert second.distance_km == pytest.approx(879, abs=10)


def test_dissimilar_photos_at_the_same_place_speak_against_it() -> None:
    plain = scored([hit(PARIS, 0.8)])[0]
    against = scored([hit(PARIS, 0.8)], negatives=[hit(PARIS, -0.5), hit(BERLIN, -0.5)])[0]
    assert against.parts["contradiction"] == 0.5
    assert against.score == pytest.approx(plain.score - 0.05)


def test_a_draft_far_from_every_photo_is_vetoed_however_sure_it_is() -> None:
    candidates = scored([hit(PARIS, 0.3)], [drafted(BERLIN)])
    assert [candidate.vetoed is None for candidate in candidates] == [True, False]
    assert "200 km" in (candidates[1].vetoed or "")


def test_a_draft_near_a_photo_is_not_vetoed() -> None:
    lyon_like = (PARIS[0] - 1.2, PARIS[1])
    assert scored([hit(PARIS, 0.8)], [drafted(lyon_like)])[1].vetoed is None


def test_a_draft_in_the_sea_is_vetoed_and_a_photo_there_is_not() -> None:
    sea = scored([hit(PARIS, 0.8)], [drafted(MID_ATLANTIC)])[1]
    assert "sea" in (sea.vetoed or "")
    ship = scored([hit(MID_ATLANTIC, 0.8)])[0]
    assert ship.vetoed is None
    assert ship.parts["land"] == 0.0


def test_agreement_of_a_draft_raises_the_score() -> None:
    alone = scored([hit(PARIS, 0.8)])[0]
    agreed = scored([hit(PARIS, 0.8)], [drafted(PARIS)])[0]
    assert agreed.score == pytest.approx(min(1.0, alone.score + 0.1))


def test_a_finer_round_keeps_what_lies_outside_its_region() -> None:
    before = scored([hit(PARIS, 0.50), hit(CHARTRES, 0.49), hit(BERLIN, 0.5)])
    after = carried(before, scored([hit(PARIS, 0.50)]), circle(*PARIS, 200.0))
    assert [round(candidate.latitude, 2) for candidate in after] == [48.89, 52.52]
    assert [candidate.rank for candidate in after] == [1, 2]


def test_the_share_of_a_region_is_that_of_its_votes_round_by_round() -> None:
    first = retrieval([hit(PARIS, 0.5), hit(CHARTRES, 0.5), hit(BERLIN, 0.5), hit(SUVA, 0.5)])
    second = retrieval([hit(PARIS, 0.5), hit(CHARTRES, 0.5)]).model_copy(
        update={"region": circle(*PARIS, 200.0)}
    )
    third = retrieval([hit(PARIS, 0.5)]).model_copy(update={"region": circle(*PARIS, 25.0)})
    assert region_share([first]) == 1.0
    assert region_share([first, second]) == pytest.approx(0.5)
    assert region_share([first, second, third]) == pytest.approx(0.25)


def test_a_closer_look_makes_no_place_surer_than_its_region_was() -> None:
    alone = pool_candidates([hit(PARIS, 0.5)], [], 0.05, region_share=0.25)[0]
    assert alone.parts["share_1_km"] == pytest.approx(0.25)
    assert alone.scale_km > 2500


def test_nothing_is_ranked_as_nothing() -> None:
    assert ranked([]) == []


def test_a_vetoed_candidate_is_last_whatever_its_score() -> None:
    plain = scored([hit(PARIS, 0.8)])[0]
    vetoed = plain.model_copy(update={"score": 1.0, "vetoed": "a reason"})
    order: list[Candidate] = ranked([vetoed, plain.model_copy(update={"score": 0.1})])
    assert [candidate.vetoed for candidate in order] == [None, "a reason"]
