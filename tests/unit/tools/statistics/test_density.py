from __future__ import annotations

import numpy as np
import pytest

from geofix.tools.statistics.clusters import density_mode, vote_weights

PARIS, BERLIN = (48.8867, 2.3431), (52.5189, 13.4004)


def test_votes_sum_to_one_and_a_temperature_less_alike_is_a_third() -> None:
    weights = vote_weights([0.80, 0.75], temperature=0.05)
    assert weights.sum() == pytest.approx(1)
    assert weights[1] / weights[0] == pytest.approx(np.exp(-1))


def test_negative_similarities_can_vote_and_none_give_none() -> None:
    assert vote_weights([-0.5, -0.6]).argmax() == 0
    assert vote_weights([]).size == 0


def test_the_mode_is_where_the_votes_are_not_where_the_best_photo_is() -> None:
    latitudes = [PARIS[0], BERLIN[0], BERLIN[0] + 0.05, BERLIN[0] - 0.05]
    longitudes = [PARIS[1], BERLIN[1], BERLIN[1], BERLIN[1]]
    weights = vote_weights([0.50, 0.49, 0.49, 0.49], temperature=0.05)
    mode = density_mode(latitudes, longitudes, weights, bandwidth_km=25.0)
    assert (mode.latitude, mode.longitude) == pytest.approx(BERLIN, abs=0.01)
    assert mode.share == pytest.approx(weights[1:].sum(), rel=0.1)


def test_one_photo_is_its_own_mode() -> None:
    mode = density_mode([PARIS[0]], [PARIS[1]], vote_weights([0.3]), bandwidth_km=1.0)
    assert (mode.latitude, mode.longitude) == pytest.approx(PARIS)
    assert mode.share == pytest.approx(1)


def test_the_mean_of_a_mode_crosses_the_antimeridian() -> None:
    mode = density_mode([0.0, 0.0], [179.9, -179.9], np.array([0.5, 0.5]), bandwidth_km=25.0)
    assert abs(mode.longitude) == pytest.approx(180, abs=0.1)
