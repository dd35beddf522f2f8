"""The spot within a place: geometry first, then where alike photos lie."""

from __future__ import annotations

import math

import pytest

from geofix.agent.state import Candidate, Hit
from geofix.agent.verify.observed import Observed
from geofix.agent.verify.scorer import logistic
from geofix.agent.verify.scorers import HAND_SET
from geofix.agent.verify.spots import spots_of
from geofix.tools.geo.distance import haversine_km
from geofix.tools.geometry import GeometricMatch
from tests.unit.agent.choosing import chosen, drafted
from tests.unit.agent.hits import PARIS, hit, retrieval

METER = 1 / 111_195
"""Degrees of latitude."""


def north(meters: float, similarity: float, photo_id: int, **more: float) -> Hit:
    place = (PARIS[0] + meters * METER, PARIS[1])
    return hit(place, similarity, photo_id=photo_id, **more)


def match(inliers: int) -> GeometricMatch:
    return GeometricMatch(inliers, 200, "fundamental", inliers / 200, 0.5)


def meters_north(candidate: Candidate) -> float:
    return 1000 * float(haversine_km(*PARIS, candidate.latitude, candidate.longitude))


STREET = [north(0, 0.80, 1), north(500, 0.79, 2), north(510, 0.78, 3), north(2000, 0.60, 4)]


def test_without_pictures_the_spot_is_where_alike_photos_lie() -> None:
    assert meters_north(chosen(STREET)[0]) == pytest.approx(505, abs=2)


def test_geometry_says_which_spot_it_is() -> None:
    compared = {1: match(7), 2: match(9), 3: match(8), 4: match(80)}
    assert meters_north(chosen(STREET, matches=compared)[0]) == pytest.approx(2000, abs=1)


def test_between_neighbours_the_position_is_weighted_by_inliers() -> None:
    walk = [north(0, 0.8, 1), north(40, 0.8, 2), north(80, 0.8, 3)]
    compared = {1: match(100), 2: match(50), 3: match(50)}
    assert meters_north(chosen(walk, matches=compared)[0]) == pytest.approx(30, abs=1)


def test_a_spot_is_no_chain_along_a_street() -> None:
    walk = [north(30 * i, 0.8 - 0.01 * i, i) for i in range(10)]
    place = chosen(walk)[0]
    spots = spots_of(place, Observed(retrieval=retrieval(walk), drafts=[]))
    assert len(spots) == 5


def test_photos_that_are_placed_coarsely_make_no_spot() -> None:
    coarse = [north(0, 0.8, 1, accuracy_km=1.0), north(500, 0.7, 2, accuracy_km=1.0)]
    place = chosen(coarse)[0]
    assert spots_of(place, Observed(retrieval=retrieval(coarse), drafts=[])) == []


def test_the_radius_still_reaches_the_photos() -> None:
    place = chosen(STREET, matches={1: match(7), 4: match(80)})[0]
    assert all(
        haversine_km(place.latitude, place.longitude, photo.latitude, photo.longitude)
        <= place.radius_km
        for photo in STREET
    )


def test_a_drafted_point_stays_unless_geometry_agrees_with_a_spot() -> None:
    apart = [north(0, 0.80, 1), north(5000, 0.80, 2)]
    draft = drafted((PARIS[0] + 2500 * METER, PARIS[1]))
    assert meters_north(chosen(apart, [draft])[0]) == pytest.approx(2500, abs=1)
    compared = {1: match(5), 2: match(80)}
    assert meters_north(chosen(apart, [draft], matches=compared)[0]) == pytest.approx(5000, abs=1)


def test_votes_among_spots_do_not_follow_the_gallery_s_own_temperature() -> None:
    sharp = retrieval(STREET).model_copy(update={"temperature": 0.001})
    place = chosen(STREET)[0]
    shares = [spot.parts["spot_share"] for spot in spots_of(place, Observed(sharp))]
    assert shares[0] < shares[1] < 0.7


def test_the_candidate_carries_its_spots_and_why_the_first_is_the_best() -> None:
    place = chosen(STREET, matches={1: match(7), 4: match(80)})[0]
    scores = [spot.score for spot in place.spots]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True) and scores[0] > scores[1]
    first = place.spots[0]
    assert (place.latitude, place.longitude) == (first.latitude, first.longitude)
    assert first.inliers == 80 and first.terms["spot_log_inliers"] == pytest.approx(math.log(81))
    by_hand = HAND_SET.of_spots
    assert first.score == pytest.approx(logistic(by_hand.intercept + sum(first.terms.values())))


def test_a_place_where_a_draft_put_it_carries_no_spots() -> None:
    apart = [north(0, 0.80, 1), north(5000, 0.80, 2)]
    assert chosen(apart, [drafted((PARIS[0] + 2500 * METER, PARIS[1]))])[0].spots == []


def test_votes_reach_as_far_as_they_say() -> None:
    place = chosen(STREET)[0]
    near, beside, far = spots_of(place, Observed(retrieval(STREET)))
    for temperature in ("0.05", "0.1", "0.2"):
        alone, walk = (spot.parts[f"spot_votes_25_m_{temperature}"] for spot in (near, beside))
        assert walk > alone > far.parts[f"spot_votes_25_m_{temperature}"]
        # The first two spots lie within 1 km of each other, the third does not.
        quarter = near.parts[f"spot_votes_1000_m_{temperature}"]
        assert quarter == pytest.approx(beside.parts[f"spot_votes_1000_m_{temperature}"])
        assert math.exp(quarter) == pytest.approx(math.exp(alone) + math.exp(walk))
    assert [spot.parts["spot_first"] for spot in (near, beside, far)] == [1, 0, 0]
    assert far.parts["spot_similarity"] == pytest.approx(-0.2)
