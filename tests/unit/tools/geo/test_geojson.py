from __future__ import annotations

import json
from typing import Any

import pytest
import shapely
from hypothesis import assume, example, given
from hypothesis import strategies as st

from geofix.tools.errors import RegionError
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM
from geofix.tools.geo.shapes import circle_geometry
from tests.sphere import destination


def shape(geometry: dict[str, Any]) -> shapely.Geometry:
    return shapely.from_geojson(json.dumps(geometry))


def polygons(geometry: dict[str, Any]) -> list[Any]:
    is_one = geometry["type"] == "Polygon"
    return [geometry["coordinates"]] if is_one else geometry["coordinates"]


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(0.0001, HALF_CIRCUMFERENCE_KM - 10),
    st.floats(0, 360),
    st.floats(0, 0.9),
)
@example(0.0, 180.0, 178.0, 0.0, 0.5)
@example(48.0, 2.0, 1e-9, 0.0, 0.5)
@example(90.0, 0.0, 500.0, 33.0, 0.5)
@example(-89.0, 100.0, 500.0, 33.0, 0.5)
@example(0.0, 179.99, 500.0, 90.0, 0.5)
@example(0.0, 0.0, HALF_CIRCUMFERENCE_KM / 2, 90.0, 0.5)
def test_a_geometry_is_valid_and_holds_what_is_inside(
    latitude: float, longitude: float, radius_km: float, bearing: float, share: float
) -> None:
    geometry = circle_geometry(latitude, longitude, radius_km)
    drawn = shape(geometry)
    assert drawn.is_valid
    west, south, east, north = drawn.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    there = destination(latitude, longitude, bearing, radius_km * share)
    # Straight edges of the map cut corners where a ring passes close by a pole.
    reach = 90 - abs(latitude) - radius_km / 111.195
    assume(abs(there[0]) < 80 and abs(reach) > 1)
    assert drawn.buffer(1e-6).contains(shapely.Point(there[1], there[0]))


@given(st.floats(-70, 70), st.floats(-180, 180), st.floats(1, 1000), st.floats(0, 360))
def test_a_geometry_leaves_out_what_is_outside(
    latitude: float, longitude: float, radius_km: float, bearing: float
) -> None:
    there = destination(latitude, longitude, bearing, radius_km * 1.05)
    drawn = shape(circle_geometry(latitude, longitude, radius_km))
    assert not drawn.contains(shapely.Point(there[1], there[0]))


@pytest.mark.parametrize(
    ("latitude", "longitude", "radius_km"),
    [(0, 0, 10), (10, 179.9, 100), (88, 5, 400), (-88, 5, 400), (0, 0, 15_000)],
)
def test_outer_rings_run_counterclockwise_and_holes_clockwise(
    latitude: float, longitude: float, radius_km: float
) -> None:
    for outer, *holes in polygons(circle_geometry(latitude, longitude, radius_km)):
        assert shapely.LinearRing(outer).is_ccw
        assert not any(shapely.LinearRing(hole).is_ccw for hole in holes)
        assert outer[0] == outer[-1]


def test_a_circle_across_the_antimeridian_is_cut_in_two() -> None:
    geometry = circle_geometry(-17, 179.9, 100)
    assert geometry["type"] == "MultiPolygon"
    assert len(geometry["coordinates"]) == 2
    assert shape(geometry).bounds[::2] == (-180.0, 180.0)


def test_a_circle_around_a_pole_comes_down_to_it() -> None:
    geometry = circle_geometry(89, 30, 500)
    assert geometry["type"] == "Polygon"
    assert shape(geometry).bounds[2:] == (180.0, 90.0)
    assert shape(geometry).contains(shapely.Point(-100, 89.9))


def test_a_circle_past_a_quarter_leaves_out_the_other_side() -> None:
    drawn = shape(circle_geometry(0, 0, HALF_CIRCUMFERENCE_KM * 0.75))
    assert drawn.contains(shapely.Point(0, 89))
    assert drawn.contains(shapely.Point(0, -89))
    assert not drawn.contains(shapely.Point(179, 0))
    world = shape(circle_geometry(0, 0, HALF_CIRCUMFERENCE_KM + 1))
    assert world.bounds == (-180.0, -90.0, 180.0, 90.0)


def test_a_geometry_survives_json_unchanged() -> None:
    geometry = circle_geometry(48.85, 2.35, 1)
    assert json.loads(json.dumps(geometry)) == geometry


def test_a_circle_needs_a_radius_and_a_center() -> None:
    with pytest.raises(RegionError, match="radius 0"):
        circle_geometry(0, 0, 0)
    with pytest.raises(RegionError, match="latitude"):
        circle_geometry(95, 200, 1)
