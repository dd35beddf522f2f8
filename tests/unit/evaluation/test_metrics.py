"""Figures against values worked out by hand, and what must hold of any errors."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.evaluation.metrics import (
    accuracy,
    coverage,
    gap_closed,
    geoscore,
    median_km,
    oracle_at_k,
    selective_risk,
)

ERRORS = st.lists(st.floats(0, 20_000) | st.just(math.inf), min_size=1, max_size=40)


def test_accuracy_counts_the_edge_as_right_and_a_refusal_as_wrong() -> None:
    told = accuracy([0.5, 25.0, 25.1, math.inf], (1.0, 25.0))
    assert (told[1.0].value, told[25.0].value) == (0.25, 0.5)
    assert told[25.0].photos == 4


def test_a_truth_known_to_a_city_says_nothing_about_a_street() -> None:
    told = accuracy([0.0, 0.0, 3.0], (1.0, 25.0), accuracy_km=[25.0, 0.0, 0.0])
    assert (told[1.0].value, told[1.0].photos) == (0.5, 2)
    assert (told[25.0].value, told[25.0].photos) == (1.0, 3)


def test_geoscore_is_that_of_openstreetview() -> None:
    score = geoscore([0.0, 1492.7, math.inf])
    assert score.tolist() == pytest.approx([5000.0, 5000 / math.e, 0.0])


def test_the_median_of_refusals_is_nowhere() -> None:
    assert median_km([1.0, 2.0, math.inf]) == 2.0
    assert median_km([1.0, math.inf, math.inf]) == math.inf


def test_the_oracle_takes_the_nearest_of_the_first_k() -> None:
    errors = [[30.0, 5.0, 1.0], [2.0], []]
    assert oracle_at_k(errors, 2) == [5.0, 2.0, math.inf]
    assert oracle_at_k(errors) == [1.0, 2.0, math.inf]


def test_the_gap_closed_is_the_way_from_top_1_to_the_oracle() -> None:
    assert gap_closed(0.4, 0.5, 0.6) == pytest.approx(0.5)
    assert gap_closed(0.4, 0.3, 0.6) == pytest.approx(-0.5)
    assert math.isnan(gap_closed(0.6, 0.6, 0.6))


def test_coverage_is_counted_by_level_where_a_radius_was_promised() -> None:
    radii = [{"0.5": 1.0, "0.9": 10.0}, {"0.5": 3.0, "0.9": 30.0}, None]
    told = coverage([2.0, 2.0, 2.0], radii)
    assert told["0.5"][0].value == 0.5 and told["0.5"][1] == 2.0
    assert told["0.9"][0].value == 1.0 and told["0.9"][0].photos == 2


def test_the_selective_risk_is_of_the_surest_photos() -> None:
    # Answered from the surest on: right, wrong and right at once, wrong; one has no answer to give.
    points = selective_risk([0.9, 0.5, 0.5, 0.1, -math.inf], [True, False, True, False, True])
    assert [(one.threshold, one.coverage, one.risk) for one in points] == [
        (0.9, 0.2, 0.0),
        (0.5, 0.6, pytest.approx(1 / 3)),
        (0.1, 0.8, 0.5),
    ]
    assert selective_risk([], []) == []
    with pytest.raises(ValueError, match="do not pair up"):
        selective_risk([0.5], [])


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_answering_everything_has_the_risk_of_the_whole_set(
    pairs: list[tuple[float, bool]],
) -> None:
    scores, right = zip(*pairs, strict=True)
    points = selective_risk(scores, right)
    assert points[-1].coverage == 1
    assert points[-1].risk == pytest.approx(1 - sum(right) / len(right))
    coverages = [one.coverage for one in points]
    assert coverages == sorted(set(coverages))


@given(ERRORS)
def test_accuracy_never_falls_with_distance(errors: list[float]) -> None:
    shares = [share.value for share in accuracy(errors).values()]
    assert shares == sorted(shares)


@given(ERRORS, ERRORS)
def test_another_candidate_never_makes_the_oracle_worse(a: list[float], b: list[float]) -> None:
    assert oracle_at_k([[*a, *b]])[0] <= oracle_at_k([a])[0]
    assert geoscore(a).min() >= 0 and geoscore(a).max() <= 5000
