from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from geofix.db.centring import PROBES, Centring, impostor_similarities
from geofix.tools.geo import destination


def centring(*impostors: float) -> Centring:
    return Centring(
        version=1,
        mean=np.zeros(3, np.float32),
        photos=len(impostors),
        impostors=np.array(sorted(impostors), np.float32),
        impostor_distance_km=200.0,
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


def brute_force(
    vectors: NDArray[np.float32], places: NDArray[np.float64], far_km: float
) -> list[float]:
    """The best cosine of each photo with one farther away, in plain loops."""
    best = []
    radians = np.radians(places)
    for i in range(min(PROBES, len(vectors))):
        reached = []
        for j in range(len(vectors)):
            (a, b), (c, d) = radians[i], radians[j]
            cosine = np.sin(a) * np.sin(c) + np.cos(a) * np.cos(c) * np.cos(b - d)
            if 6371.0088 * np.arccos(np.clip(cosine, -1, 1)) > far_km:
                u, v = vectors[i].astype(float), vectors[j].astype(float)
                reached.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
        if reached:
            best.append(max(reached))
    return sorted(best)


def test_impostors_are_the_best_of_the_far_away_photos() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(60, 5)).astype(np.float32)
    places = rng.uniform([-60, -180], [60, 180], (60, 2))
    # A twin next door is no impostor, however alike.
    vectors[1], places[1] = vectors[0], places[0] + 0.1
    found, far_km = impostor_similarities(vectors, places)
    assert far_km == 200.0
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, brute_force(vectors, places, 200.0), atol=1e-6)
    assert found.max() < 0.999


def test_only_the_first_photos_are_looked_up_among_all() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(PROBES + 40, 3)).astype(np.float32)
    places = rng.uniform([-60, -180], [60, 180], (PROBES + 40, 2))
    found, _ = impostor_similarities(vectors, places)
    assert len(found) == PROBES
    everybody, _ = impostor_similarities(vectors[::-1], places[::-1])
    assert not np.array_equal(found, everybody)


def town(extent_km: float, photos: int = 20) -> NDArray[np.float64]:
    """Photos on a ring of that diameter."""
    bearings = np.linspace(0, 360, photos, endpoint=False)
    return np.array([destination(48.0, 11.0, float(b), extent_km / 2) for b in bearings])


@pytest.mark.parametrize(
    ("extent_km", "far_km"), [(300.0, 200.0), (100.0, 25.0), (10.0, 1.0), (0.5, None)]
)
def test_a_smaller_gallery_takes_what_is_far_for_it(extent_km: float, far_km: float | None) -> None:
    vectors = np.random.default_rng(8).normal(size=(20, 4)).astype(np.float32)
    places = town(extent_km)
    found, distance_km = impostor_similarities(vectors, places)
    assert distance_km == far_km
    expected = [] if far_km is None else brute_force(vectors, places, far_km)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_fifteen_impostors_do_not_make_a_null_distribution() -> None:
    vectors = np.random.default_rng(8).normal(size=(15, 4)).astype(np.float32)
    found, distance_km = impostor_similarities(vectors, town(1000.0, 15))
    assert (found.size, distance_km) == (0, None)


def test_a_vector_at_the_mean_is_like_nothing() -> None:
    vectors = np.random.default_rng(8).normal(size=(20, 4)).astype(np.float32)
    vectors[3] = 0.0
    found, _ = impostor_similarities(vectors, town(1000.0))
    assert np.isfinite(found).all()
    assert 0.0 in found
