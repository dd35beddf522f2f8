from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.db.search.counts import (
    COUNT_CELL_DEGREES,
    GRID_COLUMNS,
    GRID_ROWS,
    cell_ranges,
    cells_of,
    corners_of,
)

latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)


def cell(latitude: float, longitude: float) -> int:
    return int(cells_of(np.array([latitude]), np.array([longitude]))[0])


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    south, north = sorted((draw(latitudes), draw(latitudes)))
    west, east = sorted((draw(longitudes), draw(longitudes)))
    return south, west, north, east


@pytest.mark.parametrize(
    ("latitude", "longitude", "row", "column"),
    [
        (-90.0, -180.0, 0, 0),
        (90.0, 180.0, GRID_ROWS - 1, GRID_COLUMNS - 1),
        (90.0, -180.0, GRID_ROWS - 1, 0),
        (0.0, 0.0, GRID_ROWS // 2, GRID_COLUMNS // 2),
        (0.25, -0.25, GRID_ROWS // 2 + 1, GRID_COLUMNS // 2 - 1),
        (89.999, 179.999, GRID_ROWS - 1, GRID_COLUMNS - 1),
    ],
)
def test_cells_are_numbered_row_by_row_from_the_south_west(
    latitude: float, longitude: float, row: int, column: int
) -> None:
    assert cell(latitude, longitude) == row * GRID_COLUMNS + column


@given(latitudes, longitudes)
def test_every_point_lies_in_its_cell(latitude: float, longitude: float) -> None:
    found = cell(latitude, longitude)
    assert 0 <= found < GRID_ROWS * GRID_COLUMNS
    south, west = (float(corner[0]) for corner in corners_of(np.array([found], np.int32)))
    # 90 + a tiny negative number is 90: a point that close to a border may be in either cell.
    assert south - 1e-13 <= latitude <= south + COUNT_CELL_DEGREES
    assert west - 1e-13 <= longitude <= west + COUNT_CELL_DEGREES


def test_corners_give_back_the_cells() -> None:
    cells = np.arange(0, GRID_ROWS * GRID_COLUMNS, 997, dtype=np.int32)
    np.testing.assert_array_equal(cells_of(*corners_of(cells)), cells)


@given(st.lists(boxes(), min_size=1, max_size=3))
def test_ranges_are_the_cells_that_the_boxes_touch_and_none_twice(
    wanted: list[tuple[float, float, float, float]],
) -> None:
    expected = np.zeros((GRID_ROWS, GRID_COLUMNS), np.int8)
    for south, west, north, east in wanted:
        (low, left), (high, right) = (
            divmod(cell(*at), GRID_COLUMNS) for at in ((south, west), (north, east))
        )
        expected[low : high + 1, left : right + 1] = 1
    found = cell_ranges(wanted)
    times = np.zeros(GRID_ROWS * GRID_COLUMNS, np.int8)
    for first, last in found:
        times[first : last + 1] += 1
    np.testing.assert_array_equal(times, expected.ravel())
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))


@given(boxes(), st.floats(0, 1), st.floats(0, 1))
def test_a_point_in_a_box_lies_in_its_ranges(
    box: tuple[float, float, float, float], up: float, right: float
) -> None:
    south, west, north, east = box
    latitude = min(north, south + up * (north - south))
    longitude = min(east, west + right * (east - west))
    number = cell(latitude, longitude)
    assert any(first <= number <= last for first, last in cell_ranges([box]))


def test_the_whole_earth_is_one_range() -> None:
    assert cell_ranges([(-90.0, -180.0, 90.0, 180.0)]) == [(0, GRID_ROWS * GRID_COLUMNS - 1)]
    assert cell_ranges([(80.0, -180.0, 90.0, 180.0)]) == [
        (680 * GRID_COLUMNS, GRID_ROWS * GRID_COLUMNS - 1)
    ]


def test_two_sides_of_the_antimeridian_are_two_ranges_a_row() -> None:
    found = cell_ranges([(0.0, 179.9, 0.1, 180.0), (0.0, -180.0, 0.1, -179.9)])
    first = GRID_ROWS // 2 * GRID_COLUMNS
    assert found == [(first, first), (first + GRID_COLUMNS - 1, first + GRID_COLUMNS - 1)]
