from __future__ import annotations

import numpy as np
import pytest

from geofix.agent.errors import RegionError
from geofix.tools.geo.countries import countries_at, countries_of
from geofix.tools.geo.distance import FloatArray
from geofix.tools.geo.places import _cities

BORDERS = [
    (31.2, 121.5), (1.3, 103.8), (47.55, 7.6), (32.5, -117.1), (55.6, 12.6), (41.0, 28.98),
    (69.6, 18.9), (-54.8, -68.3), (46.2, 6.1), (43.73, 7.42), (36.14, -5.35), (45.44, 12.33),
    (-16.8, 179.9), (65.8, -169.0), (78.2, 15.6), (80.5, 0.0), (-78.0, 166.0), (41.9, 12.45),
]  # fmt: skip
"""Places where a small step changes the country, or the plane changes."""


def near(places: FloatArray, count: int, degrees: float) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(0)
    chosen = places[rng.integers(0, len(places), count)] + rng.normal(0, degrees, (count, 2))
    return np.clip(chosen[:, 0], -90, 90), np.clip(chosen[:, 1], -180, 180)


def test_points_on_land_have_the_countries_the_borders_give() -> None:
    cities = np.column_stack([_cities().latitude, _cities().longitude])
    points = near(cities, 20_000, 0.05)
    assert countries_of(*points) == countries_at(*points)


def test_points_about_borders_and_coasts_have_the_countries_the_borders_give() -> None:
    points = near(np.array(BORDERS), 4_000, 0.2)
    assert countries_of(*points) == countries_at(*points)


def test_points_anywhere_have_the_countries_the_borders_give() -> None:
    rng = np.random.default_rng(1)
    latitudes = np.degrees(np.arcsin(rng.uniform(-1, 1, 4_000)))
    longitudes = rng.uniform(-180, 180, 4_000)
    assert countries_of(latitudes, longitudes) == countries_at(latitudes, longitudes)


def test_corners_of_cells_have_the_countries_the_borders_give() -> None:
    latitudes, longitudes = (axis.ravel() for axis in np.mgrid[43:48:0.1, 5:9:0.1])
    assert countries_of(latitudes, longitudes) == countries_at(latitudes, longitudes)


def test_no_point_has_no_country() -> None:
    assert countries_of([], []) == []


@pytest.mark.parametrize("point", [(91, 2), (1, 181), (float("nan"), 2)])
def test_what_is_no_point_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(RegionError, match="between"):
        countries_of([1, point[0]], [2, point[1]])


def test_arrays_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(RegionError, match="2 latitudes and 1 longitudes cannot be paired"):
        countries_of([1, 2], [3])
