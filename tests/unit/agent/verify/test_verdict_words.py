"""What a verdict says must be true beside the table of candidates, and say which place it means."""

from __future__ import annotations

import pytest

from geofix.agent.answer import Code
from geofix.agent.context import Context
from geofix.agent.state import Candidate
from geofix.agent.verify.rounds import numbered
from geofix.agent.verify.verdict import decide
from tests.unit.agent.choosing import chosen
from tests.unit.agent.hits import BERLIN, PARIS, hit, retrieval
from tests.unit.agent.verify.test_verdicts import TIED, decided_of, placed

MADRID, TOKYO = (40.4168, -3.7038), (35.68, 139.69)


def undecided(*places: Candidate) -> str:
    return decided_of(numbered(list(places))).reasons[0].text


def test_the_farthest_of_several_places_need_not_be_the_first() -> None:
    three = [*TIED, placed(MADRID, 0.33, "Madrid, Spain"), placed(TOKYO, 0.33, "Tokyo, Japan")]
    # Tokyo is 9,371 km from Munich, and 10,763 km from Madrid.
    assert undecided(*three).endswith("Madrid and 1 more (up to 10,763 km apart)")


def test_two_ends_of_one_city_are_told_apart() -> None:
    east = placed((48.137, 12.0), 0.33, "Munich, Bavaria")
    assert undecided(TIED[0], east) == (
        "undecided between Munich, Bavaria (48.14, 11.57) and Munich, Bavaria (48.14, 12.00)"
        " (32 km apart)"
    )


def test_places_without_a_name_have_no_more_digits_than_tell_them_apart() -> None:
    sea = [
        placed(place, 0.33, "").model_copy(update={"place": None})
        for place in ((0.008, -29.992), (-39.992, -19.992))
    ]
    assert undecided(*sea) == (
        "undecided between the place at 0.01, -29.99 and the place at -39.99, -19.99"
        " (4,562 km apart)"
    )


@pytest.mark.parametrize(
    ("score", "asked", "told"),
    [
        (0.999, 1.0, "0.999"),
        (0.9999, 1.0, "0.9999"),
        (0.3499, 0.35, "0.3499"),
        (0.33, 0.34, "0.33"),
    ],
)
def test_a_score_that_is_lower_than_asked_for_looks_lower(
    score: float, asked: float, told: str
) -> None:
    first = TIED[0].model_copy(update={"score": score})
    low = decided_of([first], accept_score=asked).reasons[0].text
    assert low == f"Munich scores only {told}, and {asked:g} was asked for"


def test_thousands_of_km_have_a_comma_everywhere() -> None:
    wide = TIED[0].model_copy(update={"scale_km": 2500.0})
    votes = next(one for one in decided_of([wide]).reasons if one.code == Code.VOTES)
    assert "within 2,500 km of Munich" in votes.text


def test_a_photo_of_a_long_name_leaves_room_for_what_is_said_of_it() -> None:
    named = hit(PARIS, 0.8, impostor_share=0.006).model_copy(update={"external_id": "L" * 200})
    positives = [named, hit(BERLIN, 0.4)]
    decided = decide(chosen(positives), retrieval(positives), Context(), rounds_left=0)
    best = next(one.text for one in decided.reasons if one.code == Code.RARITY)
    assert "LLL… of the gallery" in best
    assert best.endswith("match that well") and len(best) < 160


def test_a_place_far_from_any_town_is_no_distance() -> None:
    away = TIED[0].model_copy(update={"place": "77 km from Labasa, Northern, Fiji"})
    votes = next(one for one in decided_of([away]).reasons if one.code == Code.VOTES)
    assert "within 750 km of a point 77 km from Labasa, Northern, Fiji" in votes.text
    assert undecided(away, TIED[1]).startswith(
        "undecided between a point 77 km from Labasa and Berlin ("
    )


def test_points_that_match_at_a_rival_too_are_told_of_both() -> None:
    first, second = (
        one.model_copy(update={"parts": {**one.parts, "inliers": points}})
        for one, points in zip(TIED, (421.0, 419.0), strict=True)
    )

    def points(*places: Candidate) -> str:
        decided = decided_of(list(places))
        return next(one.text for one in decided.reasons if one.code == Code.POINTS_MATCH)

    assert points(first, second) == (
        "421 points match in a picture taken at Munich, and 419 in one taken at Berlin"
    )
    assert points(first) == "421 points match in a picture taken there"
    assert points(first, TIED[1]).endswith("taken there")
