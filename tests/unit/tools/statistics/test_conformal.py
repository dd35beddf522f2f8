from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.evaluation.calibrate.reliability_fit import fit_confidence
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM
from geofix.tools.statistics.conformal import LEVELS, ConformalRadius, fit_radius
from tests.simulated_answers import answers

ERRORS = st.lists(st.floats(0, 20_000), min_size=1, max_size=60)


def binomial_slack(level: float, calibrated: int, tested: int) -> float:
    """Three standard errors of a coverage: of the fitted quantile, and of the test."""
    return 3 * math.sqrt(level * (1 - level) * (1 / calibrated + 1 / tested))


@pytest.fixture(scope="module")
def simulated() -> dict[str, Any]:
    model = fit_confidence(*answers(1500, seed=1))
    given = {}
    for name, (signals, errors) in {"held": answers(2400, 2), "test": answers(8000, 3)}.items():
        given[name] = np.array([model.difficulty(one) for one in signals]), errors
    return given


def test_each_level_covers_held_out_errors_as_often_as_it_says(simulated: dict[str, Any]) -> None:
    (hard, errors), (asked, truth) = simulated["held"], simulated["test"]
    radius = fit_radius(errors, hard)
    for level in LEVELS:
        reach = np.array([radius.radius_km(one, level) for one in asked])
        covered = float((truth <= reach).mean())
        assert abs(covered - level) < binomial_slack(level, 2400, 8000) + len(radius.bins) / 2400
        assert abs(covered - level) < 0.03


def test_the_coverage_holds_in_every_bin(simulated: dict[str, Any]) -> None:
    (hard, errors), (asked, truth) = simulated["held"], simulated["test"]
    radius = fit_radius(errors, hard, most_bins=5)
    bins = [radius.bin_of(one) for one in asked]
    assert len(radius.bins) == 5
    for each in radius.bins:
        kept = np.array([one is each for one in bins])
        for level in LEVELS:
            reach = np.array([radius.radius_km(one, level) for one in asked[kept]])
            covered = float((truth[kept] <= reach).mean())
            slack = binomial_slack(level, len(each.ratios), int(kept.sum()))
            assert abs(covered - level) < slack + 1 / len(each.ratios)


def test_easy_photos_get_smaller_radii_than_one_radius_for_all(simulated: dict[str, Any]) -> None:
    (hard, errors), (asked, _) = simulated["held"], simulated["test"]
    by_difficulty = fit_radius(errors, hard)
    for_all = fit_radius(errors, np.zeros(len(errors)))
    for level in (0.8, 0.9):
        reach = [by_difficulty.radius_km(one, level) for one in asked]
        assert np.median(reach) < 0.85 * for_all.radius_km(0.0, level)


@given(ERRORS, st.floats(-1, 4), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_higher_level_never_has_a_smaller_radius(
    errors: list[float], prediction: float, a: float, b: float
) -> None:
    radius = fit_radius(errors, [prediction] * len(errors))
    low, high = sorted((a, b))
    assert radius.radius_km(prediction, low) <= radius.radius_km(prediction, high)


@given(ERRORS, st.sampled_from(LEVELS))
def test_the_p_value_and_the_radius_say_the_same(errors: list[float], level: float) -> None:
    radius = fit_radius(errors, [0.0] * len(errors))
    reach = radius.radius_km(0.0, level)
    if not radius.is_bounded(0.0, level):
        return
    assert radius.p_value(0.0, reach) > 1 - level
    assert radius.p_value(0.0, reach * (1 + 1e-6) + 1e-6) <= 1 - level + 1e-9


def test_the_rank_is_exact() -> None:
    errors = np.arange(1.0, 20.0)
    radius = fit_radius(errors, np.zeros(19))
    # ceil(20 * 0.9) = 18 and ceil(20 * 0.95) = 19, the largest of them.
    assert [radius.radius_km(0.0, level) for level in LEVELS] == [10, 16, 18, 19]
    assert radius.p_value(0.0, 18.5) == pytest.approx(2 / 20)


def test_each_place_counts_once_however_many_photos_it_has() -> None:
    # Of 19 places the first has 400 photos, all near; counted by photo 95 % is among them.
    errors = np.r_[np.full(400, 0.5), np.arange(2.0, 20.0)]
    places = ["crowded"] * 400 + [f"place {at}" for at in range(18)]
    radius = fit_radius(errors, np.zeros(418), places)
    assert [radius.radius_km(0.0, level) for level in LEVELS] == [10, 16, 18, 19]
    assert radius.p_value(0.0, 18.5) == pytest.approx(2 / 20)
    assert fit_radius(errors, np.zeros(418)).radius_km(0.0, 0.95) == 0.5


def test_thirds_of_a_place_add_up_to_it() -> None:
    # Three photos a place, 19 places: (19 + 1) x 0.95 places are counted with the last photo.
    errors = np.arange(1.0, 58.0)
    radius = fit_radius(errors, np.zeros(57), [f"place {at % 19}" for at in range(57)])
    assert radius.radius_km(0.0, 0.95) == 57
    assert radius.bins[0].places == 19
    assert radius.p_value(0.0, 57.0) == pytest.approx((1 + 1 / 3) / 20)
    assert radius.p_value(0.0, 57.5) == 1 / 20


def test_a_bin_has_as_many_places_as_a_radius_needs() -> None:
    hard = np.repeat(np.linspace(0, 3, 50), 20)
    errors = 10**hard
    # 1,000 photos, but each place is about as hard as itself: two bins would have 25 each.
    assert len(fit_radius(errors, hard, np.repeat(np.arange(50), 20).tolist()).bins) == 1
    assert len(fit_radius(errors, hard).bins) > 4
    spread = fit_radius(errors, hard, (np.arange(1000) % 50).tolist()).bins
    assert len(spread) > 4 and min(each.places for each in spread) >= 40


def test_with_too_few_errors_only_the_whole_earth_is_promised() -> None:
    radius = fit_radius(np.arange(1.0, 19.0), np.zeros(18))
    assert radius.radius_km(0.0, 0.95) == HALF_CIRCUMFERENCE_KM
    assert not radius.is_bounded(0.0, 0.95)
    assert radius.is_bounded(0.0, 0.9)


def test_no_radius_exceeds_half_the_circumference() -> None:
    radius = fit_radius([15_000.0] * 40, [0.0] * 40)
    assert radius.radius_km(2.0, 0.5) == HALF_CIRCUMFERENCE_KM
    assert not radius.is_bounded(2.0, 0.5)


def test_true_places_are_called_unlikely_no_more_often_than_the_level(
    simulated: dict[str, Any],
) -> None:
    (hard, errors), (asked, truth) = simulated["held"], simulated["test"]
    radius = fit_radius(errors, hard)
    p_values = np.array([radius.p_value(*pair) for pair in zip(asked, truth, strict=True)])
    for level in (0.01, 0.05, 0.2):
        alarms = float((p_values <= level).mean())
        assert alarms <= level + binomial_slack(level, 2400, 8000)
        assert alarms >= level - binomial_slack(level, 2400, 8000) - len(radius.bins) / 2400


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=40, max_size=200))
def test_bins_of_equal_predictions_are_merged_and_none_is_too_small(hard: list[float]) -> None:
    radius = fit_radius(np.ones(len(hard)), hard, fewest_places=20)
    sizes = [len(each.ratios) for each in radius.bins]
    assert sum(sizes) == len(hard)
    assert min(sizes) >= 20
    edges = [each.hardest for each in radius.bins]
    assert edges[-1] is None and edges[:-1] == sorted(set(edges[:-1]) - {None})


def test_it_comes_back_from_json_as_it_was(simulated: dict[str, Any]) -> None:
    radius = fit_radius(simulated["held"][1], simulated["held"][0])
    assert ConformalRadius.model_validate_json(radius.model_dump_json()) == radius


@pytest.mark.parametrize(
    ("errors", "hard"),
    [([], []), ([1.0], [1.0, 2.0]), ([-1.0], [0.0]), ([math.nan], [0.0]), ([1.0], [math.inf])],
)
def test_what_is_no_error_is_refused(errors: list[float], hard: list[float]) -> None:
    with pytest.raises(ValueError, match=r"cannot be paired|not finite"):
        fit_radius(errors, hard)


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0])
def test_what_is_no_coverage_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match=str(level)):
        fit_radius([1.0], [0.0]).radius_km(0.0, level)
