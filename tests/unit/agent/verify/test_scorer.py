from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from geofix.agent.verify import scorers
from geofix.agent.verify.evidence import FEATURES
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.spots import SPOT_FEATURES

ONE: dict[str, Any] = {
    "name": "test",
    "intercept": -1.0,
    "coefficients": {"a": 2.0, "b": -0.5},
    "means": {"a": 1.0, "b": 0.0},
    "scales": {"a": 4.0, "b": 1.0},
    "trained_on": "nothing",
    "photos": 0,
}


def test_terms_are_coefficients_times_standardised_values_and_add_up() -> None:
    scorer, parts = Scorer(**ONE), {"a": 3.0, "b": 2.0, "unused": 9.0}
    assert scorer.terms(parts) == {"a": pytest.approx(1.0), "b": pytest.approx(-1.0)}
    assert scorer.probability(parts) == pytest.approx(1 / (1 + math.e))


def test_a_feature_that_is_not_there_is_an_error_not_a_zero() -> None:
    with pytest.raises(KeyError, match="b"):
        Scorer(**ONE).terms({"a": 1.0})


@pytest.mark.parametrize("scales", [{"a": 4.0}, {"a": 4.0, "b": 0.0}, {"a": 1.0, "b": math.nan}])
def test_a_scorer_that_cannot_be_applied_is_refused(scales: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="'b'"):
        Scorer(**ONE | {"scales": scales})


def test_no_value_is_too_large() -> None:
    assert Scorer(**ONE).probability({"a": 1e9, "b": 0.0}) == pytest.approx(1.0)
    assert Scorer(**ONE).probability({"a": -1e9, "b": 0.0}) == pytest.approx(0.0)


def test_the_hand_set_scorers_weigh_features_that_exist() -> None:
    assert scorers.HAND_SET.place.coefficients.keys() <= {feature.name for feature in FEATURES}
    assert scorers.HAND_SET.spot is not None
    assert scorers.HAND_SET.spot.coefficients.keys() <= SPOT_FEATURES.keys()


def test_the_scorers_that_are_shipped_weigh_features_that_exist() -> None:
    shipped = scorers.default_scorers()
    assert shipped.place.coefficients.keys() <= {feature.name for feature in FEATURES}
    assert shipped.spot is None or shipped.spot.coefficients.keys() <= SPOT_FEATURES.keys()


def test_a_calibrations_scorers_are_used_and_those_shipped_where_it_has_none() -> None:
    mine = scorers.HAND_SET.place.model_copy(update={"name": "mine"})
    fitted = {"place": mine.model_dump(), "spot": None}
    assert scorers.scorers_of(fitted).place == mine
    assert scorers.scorers_of(None) == scorers.default_scorers()


@pytest.mark.parametrize("kind", ["place", "spot"])
def test_scorers_of_another_version_are_refused_by_the_feature_they_miss(kind: str) -> None:
    document = scorers.HAND_SET.model_dump() | {kind: ONE}
    with pytest.raises(
        ValueError, match="no feature is called 'a'; run `geofix calibrate DATASET`"
    ):
        scorers.scorers_of(document)
