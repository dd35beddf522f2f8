from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geofix.tools.errors import RegionError
from geofix.tools.geo.distance import (
    EARTH_RADIUS_KM,
    HALF_CIRCUMFERENCE_KM,
    WORLD,
    Box,
    bounding_boxes,
    check_coordinates,
    haversine_km,
    spherical_mean,
)
from tests.sphere import destination

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)
bearings = st.floats(0, 360)
radii_km = st.one_of(st.floats(0.001, 50), st.floats(50, HALF_CIRCUMFERENCE_KM - 1))


@pytest.mark.parametrize(
    ("a", "b", "expected_km"),
    [
        ((48.8566, 2.3522), (51.5074, -0.1278), 343.56),
        ((0, 0), (0, 90), HALF_CIRCUMFERENCE_KM / 2),
        ((90, 12), (-90, -77), HALF_CIRCUMFERENCE_KM),
        ((0, 179.5), (0, -179.5), math.radians(1) * EARTH_RADIUS_KM),
        ((10, 20), (10, 20), 0),
    ],
)
def test_known_distances(
    a: tuple[float, float], b: tuple[float, float], expected_km: float
) -> None:
    assert float(haversine_km(*a, *b)) == pytest.approx(expected_km, abs=0.01)


def test_distances_broadcast_to_float64() -> None:
    grid = haversine_km(np.zeros((3, 1), np.float32), 0, np.zeros(4, np.int64), [0, 1, 2, 3])
    assert grid.shape == (3, 4)
    assert grid.dtype == np.float64


@given(latitudes, longitudes, latitudes, longitudes, latitudes, longitudes)
def test_distance_is_a_metric(
    la: float, oa: float, lb: float, ob: float, lc: float, oc: float
) -> None:
    ab, ba = float(haversine_km(la, oa, lb, ob)), float(haversine_km(lb, ob, la, oa))
    ac, bc = float(haversine_km(la, oa, lc, oc)), float(haversine_km(lb, ob, lc, oc))
    assert ab == pytest.approx(ba, abs=1e-6)
    # Near antipodes a square root of rounding is 1e-4 km.
    assert ac <= ab + bc + 1e-3


@given(latitudes, longitudes, bearings, radii_km)
@example(90.0, 0.0, 0.0, 100.0)
@example(-89.9999, 179.999, 10.0, 50.0)
@example(0.0, 180.0, 90.0, 1.0)
def test_a_destination_is_as_far_away_as_asked(
    latitude: float, longitude: float, bearing: float, distance_km: float
) -> None:
    there = destination(latitude, longitude, bearing, distance_km)
    check_coordinates(*there)
    back_km = float(haversine_km(latitude, longitude, *there))
    assert back_km == pytest.approx(distance_km, abs=1e-4)


def test_bearings_run_clockwise_from_north() -> None:
    assert destination(0, 0, 0, 100)[0] == pytest.approx(0.8993, abs=1e-4)
    assert destination(0, 0, 90, 100)[1] == pytest.approx(0.8993, abs=1e-4)
    assert destination(0, 180, 90, 100)[1] == pytest.approx(-179.1007, abs=1e-4)


@given(latitudes, longitudes, radii_km, bearings, st.floats(0, 1))
@example(89.95, 10.0, 50.0, 0.0, 1.0)
@example(-89.95, 10.0, 50.0, 180.0, 1.0)
@example(60.0, 179.9, 400.0, 80.0, 1.0)
@example(60.0, -179.9, 400.0, 280.0, 1.0)
def test_boxes_hold_all_points_within_the_radius(
    latitude: float, longitude: float, radius_km: float, bearing: float, share: float
) -> None:
    boxes = bounding_boxes(latitude, longitude, radius_km)
    there = destination(latitude, longitude, bearing, radius_km * share)
    near = any(
        Box(b.south - 1e-7, b.west - 1e-7, b.north + 1e-7, b.east + 1e-7).contains(*there)
        for b in boxes
    )
    assert near
    assert all(b.south <= b.north and -180 <= b.west <= b.east <= 180 for b in boxes)


def test_a_box_is_no_larger_than_its_circle_needs() -> None:
    (box,) = bounding_boxes(60, 10, 100)
    assert box.north - box.south == pytest.approx(2 * 0.8993, abs=1e-3)
    # At 60 degrees a circle is about twice as wide in degrees as it is high.
    assert box.east - box.west == pytest.approx(4 * 0.8993, rel=1e-2)


def test_a_box_reaches_the_meridians_a_circle_touches() -> None:
    # They touch it poleward of its center, where a degree is shorter than at the center.
    (box,) = bounding_boxes(80, 0, 1_000)
    touched = max(destination(80, 0, bearing / 10, 1_000)[1] for bearing in range(1_800))
    assert box.east == pytest.approx(touched, abs=0.01)


def test_boxes_at_the_edges_of_the_map() -> None:
    east, west = bounding_boxes(-17, 179.9, 100)
    assert east.east == 180.0
    assert west.west == -180.0
    (cap,) = bounding_boxes(89, 40, 300)
    assert (cap.west, cap.north, cap.east) == (-180.0, 90.0, 180.0)
    assert bounding_boxes(10, 10, HALF_CIRCUMFERENCE_KM) == [WORLD]


@pytest.mark.parametrize("radius_km", [0, -1, math.nan, math.inf])
def test_a_radius_is_positive_and_finite(radius_km: float) -> None:
    with pytest.raises(RegionError, match="radius"):
        bounding_boxes(0, 0, radius_km)


@pytest.mark.parametrize(
    ("latitude", "longitude", "words"),
    [
        (91, 0, "latitude 91 "),
        (math.nan, 0, "latitude nan"),
        (-math.inf, 0, "latitude -inf"),
        (0, 180.5, "longitude 180.5"),
        (0, math.nan, "longitude nan"),
        (139.69, 35.68, "swapped"),
    ],
)
def test_what_is_no_position_is_refused(latitude: float, longitude: float, words: str) -> None:
    with pytest.raises(RegionError, match=words):
        check_coordinates(latitude, longitude)


def test_only_a_swap_that_would_help_is_hinted_at() -> None:
    with pytest.raises(RegionError) as refusal:
        check_coordinates(120, 150)
    assert "swapped" not in str(refusal.value)


def test_edges_are_positions() -> None:
    for latitude, longitude in [(90, 180), (-90, -180)]:
        check_coordinates(latitude, longitude)


def test_a_mean_holds_across_the_antimeridian_and_the_pole() -> None:
    assert abs(spherical_mean([10, 10], [179, -179])[1]) == pytest.approx(180)
    assert spherical_mean([80, 80], [0, 180])[0] == pytest.approx(90)


def test_weights_pull_the_mean() -> None:
    assert spherical_mean([0, 0], [0, 10], [1, 0]) == pytest.approx((0, 0))
    assert 5 < spherical_mean([0, 0], [0, 10], [1, 3])[1] < 10


@pytest.mark.parametrize(
    ("lats", "lons", "weights"),
    [
        ([0, 0], [0, 180], None),
        ([90, -90], [5, 5], None),
        ([], [], None),
        ([1, 2], [1, 2], [0, 0]),
        ([1, 2], [1, 2], [2, -1]),
    ],
)
def test_a_mean_without_direction_is_refused(
    lats: list[float], lons: list[float], weights: list[float] | None
) -> None:
    with pytest.raises(RegionError, match="mean"):
        spherical_mean(lats, lons, weights)
