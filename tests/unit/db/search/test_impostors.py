from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from geofix.db.search.centring import PROBES, Probes, VectorBlock
from tests.sphere import destination

Floats = NDArray[np.float32]


def impostors(
    vectors: Floats,
    places: NDArray[np.float64],
    *,
    order: NDArray[np.int64] | None = None,
    rows_a_block: int = 1000,
) -> tuple[Floats, float | None]:
    """Those of vectors that are centred already."""
    order = np.arange(len(vectors)) if order is None else order
    blocks = [
        VectorBlock(part + 1, places[part, 0], places[part, 1], vectors[part])
        for part in np.array_split(order, -(-len(order) // rows_a_block))
    ]
    probes = Probes()
    for block in blocks:
        probes.offer(block)
    found = probes.impostors(blocks, np.zeros(vectors.shape[1], np.float32))
    return found.similarities, found.distance_km


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
    found, far_km = impostors(vectors, places)
    assert far_km == 200.0
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, brute_force(vectors, places, 200.0), atol=1e-6)
    assert found.max() < 0.999


def test_a_sample_is_looked_up_among_all_whatever_their_order() -> None:
    rng = np.random.default_rng(4)
    rows = PROBES + 40
    vectors = rng.normal(size=(rows, 3)).astype(np.float32)
    places = rng.uniform([-60, -180], [60, 180], (rows, 2))
    found, _ = impostors(vectors, places)
    assert len(found) == PROBES
    order = rng.permutation(rows)
    again, _ = impostors(vectors, places, order=order, rows_a_block=37)
    np.testing.assert_allclose(found, again, atol=1e-6)


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
    found, distance_km = impostors(vectors, places)
    assert distance_km == far_km
    expected = [] if far_km is None else brute_force(vectors, places, far_km)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_fifteen_impostors_do_not_make_a_null_distribution() -> None:
    vectors = np.random.default_rng(8).normal(size=(15, 4)).astype(np.float32)
    found, distance_km = impostors(vectors, town(1000.0, 15))
    assert (found.size, distance_km) == (0, None)


def test_a_vector_at_the_mean_is_like_nothing() -> None:
    vectors = np.random.default_rng(8).normal(size=(20, 4)).astype(np.float32)
    vectors[3] = 0.0
    found, _ = impostors(vectors, town(1000.0))
    assert np.isfinite(found).all()
    assert 0.0 in found


def test_impostors_of_a_city_are_looked_for_among_the_few_photos_elsewhere() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(220, 5)).astype(np.float32)
    city = rng.uniform([52.20, 0.11], [52.21, 0.12], (200, 2))
    block = VectorBlock(
        np.arange(1, 221), *np.vstack([city, rng.uniform([-30, 20], [0, 30], (20, 2))]).T, vectors
    )
    probes = Probes()
    probes.offer(block)
    assert probes.impostors([block], np.zeros(5, np.float32)).compared == 20
