"""A scorer is kept only where it beats every other way of choosing, on places of others."""

from __future__ import annotations

from typing import Any

import numpy as np

from geofix.agent.choice.features import FEATURES
from geofix.agent.state import Candidate
from geofix.evaluation.result import Result
from geofix.evaluation.scorer_judged import OWN, SHIPPED
from geofix.evaluation.scorer_tried import kept_if_enough, try_scorer
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
        group=f"place {at % 60}",
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


def test_a_scorer_that_sees_what_others_do_not_is_kept() -> None:
    tried = try_scorer(results(600, told_by="share_25_km"), "made", seed=0)
    assert tried.scorer is not None and tried.scorer.coefficients["share_25_km"] > 0
    assert tried.right[OWN] == 1.0 > 0.7 > tried.right["nearest"] == tried.right[SHIPPED]
    assert 0.3 < len(tried.places) / 60 < 0.5 and tried.judged >= 300
    assert f"calibrated {tried.scorer.digest}"[:23] in tried.reason and "is kept" in tried.reason


def test_photos_without_candidates_are_judged_and_wrong() -> None:
    made = results(600, told_by="share_25_km")
    lost: dict[str, Any] = {
        "status": "abstained",
        "error_km": None,
        "candidates": [],
        "first_km": None,
    }
    bare = [one.model_copy(update=lost) for one in made[:200]]
    tried = try_scorer([*bare, *made[200:]], "made", seed=0)
    assert 0.6 < tried.right[OWN] < 0.75
    assert tried.judged == sum(f"place {at % 60}" not in tried.places for at in range(600))


def test_one_that_is_no_better_is_not_kept_and_the_figures_are_told() -> None:
    tried = try_scorer(results(600, told_by=None), "made", seed=0)
    assert tried.scorer is None
    assert tried.right[OWN] == tried.right["nearest"]
    assert "is not kept" in tried.reason and "nearest" in tried.reason


def test_too_little_to_fit_on_is_said() -> None:
    tried = try_scorer(results(40, told_by="share_25_km"), "made", seed=0)
    assert tried.scorer is None and "no scorer was fitted" in tried.reason


def test_a_scorer_with_which_too_few_are_answered_is_given_up() -> None:
    tried = try_scorer(results(600, told_by="share_25_km"), "made", seed=0)
    assert kept_if_enough(tried, results(300, told_by="share_25_km")) is tried
    given_up = kept_if_enough(tried, results(140, told_by="share_25_km"))
    assert given_up.scorer is None and "140 answers of 60 places" in given_up.reason
