from __future__ import annotations

import math

import pytest

from geofix.agent.state import Draft
from geofix.agent.verify.candidates import NOWHERE_KM, SMALLEST_RADIUS_KM, pool_candidates
from tests.unit.agent.hits import BERLIN, CHARTRES, PARIS, SUVA, hit


def draft(latitude: float, longitude: float, confidence: float | None = 0.9) -> Draft:
    return Draft(
        round=0,
        drafted_by="test:model",
        latitude=latitude,
        longitude=longitude,
        confidence=confidence,
    )


def test_photos_within_25_km_are_one_candidate_and_others_are_not() -> None:
    near_paris = (PARIS[0] + 0.1, PARIS[1])
    pooled = pool_candidates([hit(PARIS, 0.8), hit(near_paris, 0.7), hit(CHARTRES, 0.6)], [], 0.05)
    assert [place.candidate.photos for place in pooled] == [2, 1]


def test_a_place_is_known_at_the_finest_scale_that_holds_half_of_the_votes() -> None:
    one_photo_leads = pool_candidates([hit(PARIS, 0.8), hit(CHARTRES, 0.5)], [], 0.05)[0]
    assert one_photo_leads.candidate.scale_km == 1.0
    # Neither city has half of three even votes, but the two French ones share a region.
    even = pool_candidates([hit(PARIS, 0.5), hit(CHARTRES, 0.5), hit(BERLIN, 0.5)], [], 0.05)
    assert [place.candidate.scale_km for place in even] == [200.0, 200.0, 2500.0]


def test_a_place_without_half_of_the_votes_at_any_scale_is_known_nowhere() -> None:
    scattered = [hit(place, 0.5) for place in (PARIS, SUVA, (-33.4, -70.7))]
    assert {place.candidate.scale_km for place in pool_candidates(scattered, [], 0.05)} == {
        NOWHERE_KM
    }


def test_votes_are_counted_down_to_a_corner() -> None:
    across_the_city = (PARIS[0] + 0.05, PARIS[1])
    around_the_corner = (PARIS[0] + 0.0005, PARIS[1])
    even = [hit(place, 0.5) for place in (PARIS, around_the_corner, across_the_city, SUVA)]
    shares = pool_candidates(even, [], 0.05)[0].shares
    assert (shares[0.1], shares[1.0], shares[25.0]) == (0.5, 0.5, 0.75)


def test_many_alike_photos_outvote_a_more_alike_one_by_flat_votes_only() -> None:
    hits = [hit(PARIS, 0.5), *(hit(BERLIN, 0.4) for _ in range(3))]
    paris, berlin = pool_candidates(hits, [], 0.02)
    assert paris.shares[25.0] > 0.9
    assert berlin.flat_votes == pytest.approx(3 / (3 + math.e))
    # A finer look makes no place surer than its region was.
    halved = pool_candidates(hits, [], 0.02, region_share=0.5)[1]
    assert halved.flat_votes == pytest.approx(berlin.flat_votes / 2)


def test_the_radius_reaches_the_farthest_photo_and_its_own_uncertainty() -> None:
    city = hit(PARIS, 0.8, accuracy_km=25.0)
    assert pool_candidates([city], [], 0.05)[0].candidate.radius_km == pytest.approx(25.0)
    assert pool_candidates([hit(PARIS, 0.8)], [], 0.05)[0].candidate.radius_km == SMALLEST_RADIUS_KM
    both = pool_candidates([hit(PARIS, 0.5), hit(CHARTRES, 0.5)], [], 0.05)[0].candidate
    assert 79 < both.radius_km < 81  # Paris to Chartres: known to 200 km, so it reaches there


def test_photos_on_both_sides_of_the_antimeridian_are_one_place() -> None:
    pooled = pool_candidates([hit((-17.0, 179.98), 0.6), hit((-17.0, -179.98), 0.6)], [], 0.05)
    assert len(pooled) == 1
    assert abs(pooled[0].candidate.longitude) == pytest.approx(180, abs=0.03)


def test_a_draft_joins_the_cluster_it_lies_in_and_stands_alone_elsewhere() -> None:
    pooled = pool_candidates([hit(PARIS, 0.8)], [draft(48.85, 2.35), draft(*BERLIN)], 0.05)
    assert [place.candidate.origin for place in pooled] == ["cluster+draft", "draft"]
    assert pooled[1].candidate.photos == 0


def test_a_model_has_one_voice_however_many_samples_it_gives() -> None:
    drafts = [draft(48.85, 2.35, 0.9), draft(48.86, 2.35, 0.6), draft(*BERLIN, 0.9)]
    pooled = pool_candidates([hit(PARIS, 0.8)], drafts, 0.05)
    assert [place.confidence for place in pooled] == pytest.approx([0.5, 0.3])
    alone = pool_candidates([hit(PARIS, 0.8)], drafts[:1], 0.05)[0]
    assert alone.confidence == pytest.approx(0.9)


def test_drafts_of_one_place_are_one_candidate() -> None:
    near_berlin = [draft(BERLIN[0] + i / 100, BERLIN[1]) for i in range(3)]
    _, one = pool_candidates([hit(PARIS, 0.8)], near_berlin, 0.05)
    assert (one.candidate.origin, one.candidate.photos) == ("draft", 0)
    assert one.candidate.latitude == pytest.approx(BERLIN[0] + 0.01)  # the one in the middle


def test_a_draft_that_agrees_with_what_it_was_shown_is_counted_apart_and_moves_nothing() -> None:
    copy = draft(48.95, 2.35).model_copy(update={"agrees_with": "candidate 1"})
    city = hit(PARIS, 0.8, accuracy_km=25.0)
    copied = pool_candidates([city], [copy], 0.05)[0]
    assert (copied.confidence, copied.agreeing) == (0, 1)
    assert copied.candidate.origin == "cluster"
    assert (copied.candidate.latitude, copied.candidate.longitude) == pytest.approx(PARIS)
    both = pool_candidates([city], [copy, draft(48.90, 2.35)], 0.05)[0]
    assert (both.confidence, both.agreeing) == (pytest.approx(0.45), 0.5)
    assert both.candidate.latitude == 48.90


def test_samples_move_a_place_once_to_the_one_in_their_middle() -> None:
    drafts = [draft(PARIS[0] + i / 100, PARIS[1]) for i in range(1, 6)]
    moved = pool_candidates([hit(PARIS, 0.8, accuracy_km=25.0)], drafts, 0.05)[0].candidate
    assert moved.latitude == pytest.approx(PARIS[0] + 0.03)
    assert moved.radius_km == pytest.approx(25.0 + 3.34, abs=0.01)


def test_a_draft_does_not_move_a_place_its_photos_pin_down() -> None:
    pinned = pool_candidates([hit(PARIS, 0.8)], [draft(48.8900, 2.3431)], 0.05)[0].candidate
    assert pinned.origin == "cluster+draft"
    assert (pinned.latitude, pinned.longitude) == pytest.approx(PARIS)


def test_a_draft_says_more_exactly_where_inside_the_reach_of_its_photos() -> None:
    city = hit(PARIS, 0.8, accuracy_km=25.0)
    moved = pool_candidates([city], [draft(48.95, 2.35)], 0.05)[0].candidate
    assert (moved.latitude, moved.longitude) == (48.95, 2.35)
    assert moved.radius_km == pytest.approx(25.0 + 7.1, abs=0.1)  # it still reaches the photo's


def test_a_draft_that_cannot_tell_is_no_candidate() -> None:
    unknown = draft(0, 0).model_copy(update={"latitude": None, "longitude": None})
    assert len(pool_candidates([hit(PARIS, 0.8)], [unknown], 0.05)) == 1


def test_nothing_gives_nothing() -> None:
    assert pool_candidates([], [], 0.05) == []


def test_a_string_of_photos_across_a_continent_is_not_one_place() -> None:
    chain = [(38.7, -9.1), (48.9, 2.3), (52.5, 13.4), (55.8, 37.6)]
    pooled = pool_candidates([hit(place, 0.5) for place in chain], [], 0.05)
    assert all(place.candidate.radius_km < 5000 for place in pooled)
    lisbon = pooled[0]
    assert lisbon.shares[2500.0] == pytest.approx(0.75)  # Moscow is 3,900 km away


def test_a_place_known_nowhere_reaches_as_far_as_everything_found() -> None:
    scattered = [hit(place, 0.5) for place in (PARIS, SUVA, (-33.4, -70.7))]
    assert all(place.candidate.radius_km > 9000 for place in pool_candidates(scattered, [], 0.05))


def test_a_draft_far_from_every_photo_of_a_wide_place_stands_alone() -> None:
    wide = [hit(PARIS, 0.5), hit(BERLIN, 0.5)]
    pooled = pool_candidates(wide, [draft(50.0, -8.5, confidence=0.01)], 0.05)
    assert [place.candidate.origin for place in pooled] == ["cluster", "cluster", "draft"]
