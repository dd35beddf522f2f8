from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.evaluation.calibrate import reliability_fit
from geofix.evaluation.calibrate.reliability_fit import fit_confidence
from geofix.tools.statistics import SCALES
from geofix.tools.statistics.reliability import (
    ScaleConfidence,
    calibration_error_by_chance,
    expected_calibration_error,
    reliability_curve,
)
from tests.simulated_answers import answers


@pytest.fixture(scope="module")
def fitted() -> ScaleConfidence:
    return fit_confidence(*answers(2000, seed=11))


def test_stated_probabilities_come_true_on_photos_not_fitted_on(fitted: ScaleConfidence) -> None:
    signals, errors = answers(6000, seed=12)
    said = [fitted.confidence(one) for one in signals]
    for scale, km in SCALES.items():
        stated = np.array([one[scale] for one in said])
        right = errors <= km
        assert expected_calibration_error(stated, right) < 0.05
        # A constant is calibrated, too; this one tells photos apart.
        assert stated[right].mean() - stated[~right].mean() > 0.2


@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(-9, 9))
def test_a_coarser_scale_is_never_less_probable(a: float, b: float, c: float) -> None:
    said = list(FITTED.confidence({"log_odds": a, "lead": b, "noise": c}).values())
    assert said == sorted(said)
    assert all(0 < one < 1 for one in said)


FITTED = fit_confidence(*answers(300, seed=13))


def test_surer_answers_are_predicted_to_be_nearer(fitted: ScaleConfidence) -> None:
    sure, unsure = ({"log_odds": s, "lead": s, "noise": 0.0} for s in (3.0, -3.0))
    assert fitted.difficulty(sure) < 1 < fitted.difficulty(unsure)
    signals, errors = answers(3000, seed=14)
    predicted = np.array([fitted.difficulty(one) for one in signals])
    halves = np.log10(errors)[predicted < np.median(predicted)], np.log10(errors)
    assert halves[0].mean() < halves[1].mean() - 0.5
    # The expected order of the error is that of the errors.
    assert predicted.mean() == pytest.approx(np.log10(np.maximum(errors, 0.01)).mean(), abs=0.4)


def test_photos_of_one_place_are_not_tried_on_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reliability_fit, "ISOTONIC_FROM", 60)
    # Each place is there ten times, its signal is its own, and its answer is right by chance.
    draw = np.random.default_rng(5)
    place = np.repeat(np.arange(60), 10)
    right = np.repeat(draw.random(60) < 0.5, 10)
    signals = [{f"is_{one}": float(one == its) for one in range(60)} for its in place.tolist()]
    errors = np.where(right, 0.1, 9000.0)
    named = [str(one) for one in place]
    alone = fit_confidence(signals, errors, groups=named).confidence(signals[0])["city"]
    leaked = fit_confidence(signals, errors).confidence(signals[0])["city"]
    assert abs(alone - 0.5) < 0.2
    assert abs(leaked - 0.5) > 0.3


def test_a_place_counts_once_in_the_confidence_however_many_photos_it_has() -> None:
    """40 places are right 30 times; one of the 10 that are wrong has 500 photos."""
    right = np.arange(40) < 30
    places = np.r_[np.arange(40), np.full(500, 39)]
    errors = np.where(right[places], 0.1, 9000.0)
    signals = [{"same": 0.0}] * len(places)
    named = [str(one) for one in places]
    assert fit_confidence(signals, errors, groups=named).confidence({"same": 0.0})["city"] == (
        pytest.approx(0.75, abs=0.01)
    )
    assert fit_confidence(signals, errors).confidence({"same": 0.0})["city"] < 0.1


def test_few_places_get_no_isotonic_steps_whatever_the_number_of_photos() -> None:
    signals, errors = answers(600, seed=16)
    alone, together = (
        fit_confidence(signals, errors, groups=[str(at % places) for at in range(600)])
        for places in (600, 100)
    )
    assert len(alone.curves[1].said) > 2
    assert together.curves[1].said == (0.0, 1.0)


def test_the_calibration_error_counts_places_where_they_are_given() -> None:
    said, right = [0.5] * 12, [True] * 10 + [False, True]
    # By photo 11 of 12 were right, by place 1.5 of 3.
    assert expected_calibration_error(said, right) == pytest.approx(11 / 12 - 0.5)
    places = ["a"] * 10 + ["b", "c"]
    by_place = expected_calibration_error(said, right, places=places)
    assert by_place == pytest.approx(2 / 3 - 0.5)
    chance = np.full(1000, 0.5)
    alone = calibration_error_by_chance(chance)
    together = calibration_error_by_chance(chance, places=np.arange(1000) % 10)
    assert alone < 0.03 < 0.08 < together


def test_chance_for_places_of_unlike_size_counts_places_also_where_photos_are_drawn_alone() -> None:
    # One place with 990 photos, ten with one: eleven votes, of which ten are single coins.
    places = [0] * 990 + list(range(1, 11))
    chance = np.full(1000, 0.5)
    by_photo = calibration_error_by_chance(chance)
    alone = calibration_error_by_chance(chance, places=places, alone=True)
    together = calibration_error_by_chance(chance, places=places)
    assert by_photo < 0.03 < 0.08 < alone < together


def test_a_scale_at_which_all_are_right_is_nearly_certain() -> None:
    signals, _ = answers(50, seed=15)
    said = fit_confidence(signals, np.full(50, 0.5)).confidence(signals[0])
    assert said["street"] == pytest.approx(51 / 52)


def test_it_comes_back_from_json_as_it_was(fitted: ScaleConfidence) -> None:
    assert ScaleConfidence.model_validate_json(fitted.model_dump_json()) == fitted


def test_a_stored_document_speaks_without_scikit_learn(fitted: ScaleConfidence) -> None:
    program = (
        "import sys; from geofix.tools.statistics.reliability import ScaleConfidence;"
        "import geofix.tools.statistics.conformal;"
        "fitted = ScaleConfidence.model_validate_json(sys.stdin.read());"
        "fitted.confidence({'log_odds': 1.0, 'lead': 1.0, 'noise': 0.0});"
        "sys.exit('sklearn' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", program], input=fitted.model_dump_json(), text=True, check=True
    )


def test_the_calibration_error_by_hand() -> None:
    said, right = [0.9, 0.9, 0.1, 0.1], [True, False, False, False]
    assert expected_calibration_error(said, right, bins=2) == pytest.approx(0.5 * 0.4 + 0.5 * 0.1)
    assert reliability_curve(said, right, bins=2) == [
        (pytest.approx(0.1), 0.0, 2, 0.5),
        (pytest.approx(0.9), 0.5, 2, 0.5),
    ]
    assert expected_calibration_error([1.0], [True]) == 0


def test_what_does_not_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="without answers"):
        expected_calibration_error([], [])
    with pytest.raises(ValueError, match="pair"):
        reliability_curve([0.5], [True, False])
    with pytest.raises(ValueError, match="cannot be paired"):
        fit_confidence([], [])
    with pytest.raises(ValueError, match="finite"):
        fit_confidence([{"a": float("nan")}], [1.0])


def test_few_photos_show_an_error_even_where_every_probability_is_right() -> None:
    said = np.random.default_rng(0).uniform(0, 1, 6000)
    many, few = calibration_error_by_chance(said), calibration_error_by_chance(said[:60])
    assert many < 0.03 < 0.1 < few
    assert calibration_error_by_chance([0.0, 1.0, 1.0]) == 0
