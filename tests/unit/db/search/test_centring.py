from __future__ import annotations

import numpy as np
import pytest

from geofix.db.search.centring import Centring


def centring(*impostors: float) -> Centring:
    return Centring(
        version=1,
        mean=np.zeros(3, np.float32),
        photos=len(impostors),
        impostors=np.array(sorted(impostors), np.float32),
        impostor_distance_km=200.0,
        compared=len(impostors),
    )


@pytest.mark.parametrize(
    ("similarity", "share"),
    [(0.0, 5 / 5), (0.25, 5 / 5), (0.3, 4 / 5), (0.5, 4 / 5), (0.6, 2 / 5), (0.75, 2 / 5),
     (0.9, 1 / 5), (1.0, 1 / 5)],
)  # fmt: skip
def test_impostor_share_is_phipson_and_smyth_s_p_value(similarity: float, share: float) -> None:
    # (1 + how many of the four reach it) / (1 + 4)
    assert centring(0.25, 0.5, 0.5, 0.75).impostor_share(similarity) == pytest.approx(share)


def test_nothing_is_known_without_impostors() -> None:
    assert centring().impostor_share(0.5) is None
    assert centring().temperature is None


def test_temperature_is_half_the_way_from_the_median_to_the_ninetieth_percentile() -> None:
    spread = centring(*np.linspace(0.0, 1.0, 101))
    assert spread.temperature == pytest.approx((0.9 - 0.5) / 2, abs=1e-6)


def test_temperature_is_never_zero() -> None:
    assert centring(0.5, 0.5, 0.5).temperature == 0.01


def test_photos_that_came_since_make_a_likeness_less_rare() -> None:
    known = centring(0.25, 0.5, 0.5, 0.75)
    # Compared with 4 photos; the best of 8 is as the better of two bests of 4.
    assert known.impostor_share(0.9, searched=8) == pytest.approx(1 - (1 - 1 / 5) ** 2)
    assert known.impostor_share(0.9, searched=3) == pytest.approx(1 / 5)
