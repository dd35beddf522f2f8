"""A scorer is kept only where it beats every other way of choosing, on places of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geofix.agent.state import Candidate, Spot
from geofix.agent.verify.evidence import FEATURES
from geofix.agent.verify.scorers import default_scorers
from geofix.agent.verify.spots import SPOT_FEATURES
from geofix.evaluation.calibrate.examples import rightness
from geofix.evaluation.calibrate.scorers import OWN, SHIPPED, judged, kept_if_enough, try_scorers
from geofix.evaluation.run.result import Result
from tests.unit.agent.hits import hit, retrieval

TRUTH, ELSEWHERE = (48.0, 2.0), (48.5, 2.0)
"""56 km apart: of one region."""


def results(count: int, *, told_by: str | None) -> list[Result]:
    """Photos whose first candidate is right for six of ten; `told_by` knows which."""
    rng = np.random.default_rng(0)
    return [_result(at, bool(rng.random() < 0.6), told_by) for at in range(count)]


def _result(at: int, first_is_right: bool, told_by: str | None) -> Result:
    order = [TRUTH, ELSEWHERE] if first_is_right else [ELSEWHERE, TRUTH]
    off = [0.0 if place == TRUTH else 55.6 for place in order]
    return Result(
        photo=f"photo {at}",
        group=f"place {at % 100}",
        status="located",
        truth_latitude=TRUTH[0],
        truth_longitude=TRUTH[1],
        error_km=off[0],
        first_km=off[0],
        peers_km={"nearest": off[0], "density": off[0], "model": None},
        seconds=0.1,
        rounds=1,
        candidates=[
            _candidate(rank, place, told_by).model_dump() for rank, place in enumerate(order, 1)
        ],
        retrievals=[retrieval([hit(order[0], 0.8), hit(order[1], 0.7)]).model_dump()],
    )


def _candidate(rank: int, place: tuple[float, float], told_by: str | None) -> Candidate:
    parts = {feature.name: 0.0 for feature in FEATURES}
    parts["rank"] = 1 / rank
    if told_by is not None:
        parts[told_by] = 1.0 if place == TRUTH else 0.2
    return Candidate(
        latitude=place[0],
        longitude=place[1],
        radius_km=1,
        score=0.5,
        parts=parts,
        photos=1,
        independent=1,
        best_similarity=0.5,
        origin="cluster",
        scale_km=25,
    )


def with_spots(made: list[Result], told_by: str | None) -> list[Result]:
    """The same, each candidate with two corners 500 m apart, of which the wrong one is first."""
    return [_with_spots(at, one, told_by) for at, one in enumerate(made)]


def _with_spots(at: int, result: Result, told_by: str | None) -> Result:
    candidates = []
    wrong_km = 0.5 if at % 2 else 0.0
    for candidate in result.candidates:
        place = candidate["latitude"], candidate["longitude"]
        corners = [(place[0] + wrong_km / 111.195, place[1]), (place[0] + 0.004, place[1])]
        if at % 2:
            corners[1] = place
        spots = [_spot(corner, corner == place, told_by) for corner in corners]
        here = {"latitude": corners[0][0], "longitude": corners[0][1]}
        candidates.append({**candidate, **here, "spots": [one.model_dump() for one in spots]})
    off = result.first_km + wrong_km if result.first_km is not None else None
    return result.model_copy(
        update={
            "candidates": candidates,
            "error_km": off,
            "first_km": off,
            "peers_km": {"nearest": off, "density": off, "model": None},
        }
    )


def _spot(place: tuple[float, float], right: bool, told_by: str | None) -> Spot:
    parts = dict.fromkeys(SPOT_FEATURES, 0.0)
    parts["spot_rank"] = 0.5
    if told_by is not None:
        parts[told_by] = 1.0 if right else 0.2
    return Spot(latitude=place[0], longitude=place[1], parts=parts, inliers=0)


def test_a_scorer_of_places_that_sees_what_others_do_not_is_kept() -> None:
    tried = try_scorers(results(600, told_by="share_25_km"), "made", seed=0)
    place = tried.place
    assert place.scorer is not None and place.scorer.coefficients["share_25_km"] > 0
    assert place.right[OWN] == 1.0 > 0.7 > place.right["nearest"] == place.right[SHIPPED]
    assert 0.3 < len(tried.places) / 100 < 0.5 and place.judged >= 300
    assert f"calibrated {place.scorer.digest}"[:23] in place.reason and "is kept" in place.reason
    assert tried.spot.scorer is None and "no scorer of spots was fitted" in tried.spot.reason
    assert tried.scorers is not None and tried.scorers.place == place.scorer


def test_a_scorer_of_spots_that_sees_what_others_do_not_is_kept() -> None:
    made = with_spots(results(600, told_by=None), "spot_inlier_share")
    tried = try_scorers(made, "made", seed=0)
    assert tried.spot.scorer is not None and "is kept" in tried.spot.reason
    assert tried.spot.scorer.coefficients["spot_inlier_share"] > 0
    right = tried.spot.right
    # Of a photo whose place is right, every second was 500 m off: right within 1 km alone.
    assert right["nearest"] == right[SHIPPED]
    assert right[OWN] > 0.5 and right[SHIPPED] == pytest.approx(right[OWN] * 2 / 3, abs=0.03)
    assert tried.place.scorer is None and tried.scorers is not None
    assert tried.scorers.place == default_scorers().place
    assert tried.scorers.spot == tried.spot.scorer


def test_spots_that_nothing_tells_apart_are_left_to_what_ships() -> None:
    tried = try_scorers(with_spots(results(600, told_by=None), None), "made", seed=0)
    assert tried.scorers is None
    assert tried.spot.scorer is None


def test_spots_are_judged_within_the_places_that_a_fitted_scorer_chooses() -> None:
    made = with_spots(results(600, told_by="share_25_km"), "spot_inlier_share")
    place = try_scorers(made, "made", seed=0).place.scorer
    assert place is not None
    right = judged(rightness, made, place=place, spot=default_scorers().of_spots)
    assert right[OWN] == right[SHIPPED]
    assert sum(right[SHIPPED]) > sum(right["nearest"])


def test_photos_without_candidates_are_judged_and_wrong() -> None:
    made = results(600, told_by="share_25_km")
    lost: dict[str, Any] = {
        "status": "abstained",
        "error_km": None,
        "candidates": [],
        "first_km": None,
    }
    bare = [one.model_copy(update=lost) for one in made[:200]]
    tried = try_scorers([*bare, *made[200:]], "made", seed=0)
    assert 0.6 < tried.place.right[OWN] < 0.75
    assert tried.place.judged == sum(f"place {at % 100}" not in tried.places for at in range(600))


def test_one_that_is_no_better_is_not_kept_and_the_figures_are_told() -> None:
    tried = try_scorers(results(600, told_by=None), "made", seed=0)
    assert tried.scorers is None
    assert tried.place.right[OWN] == tried.place.right["nearest"]
    assert "is not kept" in tried.place.reason and "nearest" in tried.place.reason


def test_a_lead_that_chance_could_give_is_not_enough() -> None:
    """The feature tells the truth of one photo in a hundred; the shipped scorer errs on 40."""
    made = results(600, told_by="share_25_km")
    dumb = results(600, told_by=None)
    mixed = [made[at] if at % 101 == 0 else dumb[at] for at in range(600)]
    for seed in range(20):
        tried = try_scorers(mixed, "made", seed=seed)
        right = tried.place.right
        if right and right[SHIPPED] < right[OWN] < right[SHIPPED] + 0.02:
            break
    else:
        pytest.fail("no draw has a small lead")
    assert tried.place.scorer is None
    assert "Its lead over the shipped scorer is 0.0 to" in tried.place.reason


def test_too_little_to_fit_on_is_said() -> None:
    tried = try_scorers(results(40, told_by="share_25_km"), "made", seed=0)
    assert tried.scorers is None and "no scorer was fitted" in tried.place.reason


def test_a_scorer_with_which_too_few_are_answered_is_given_up() -> None:
    tried = try_scorers(results(600, told_by="share_25_km"), "made", seed=0)
    assert kept_if_enough(tried, results(300, told_by="share_25_km")) is tried
    given_up = kept_if_enough(tried, results(140, told_by="share_25_km"))
    assert given_up.scorers is None and "140 answers of 100 places" in given_up.place.reason
