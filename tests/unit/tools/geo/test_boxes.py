from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.tools.errors import RegionError
from geofix.tools.geo.distance import WORLD, Box
from geofix.tools.geo.shapes import boxes_between


@pytest.mark.parametrize(
    ("corners", "boxes"),
    [
        ((48, 2, 49, 3), [Box(48, 2, 49, 3)]),
        ((-20, 176, -15, -178), [Box(-20, 176, -15, 180), Box(-20, -180, -15, -178)]),
        ((-20, -170, -15, 170), [Box(-20, -170, -15, 170)]),
        ((-20, 170, -15, -170), [Box(-20, 170, -15, 180), Box(-20, -180, -15, -170)]),
        ((-90, -180, 90, 180), [WORLD]),
    ],
)
def test_a_box_is_cut_at_the_antimeridian(
    corners: tuple[float, float, float, float], boxes: list[Box]
) -> None:
    assert boxes_between(*corners) == boxes


@pytest.mark.parametrize(
    ("corners", "latitude", "longitude"),
    [
        ((-1, 170, 1, 180), 0, -180),
        ((-1, 170, 1, -180), 0, -180),
        ((-1, -180, 1, -170), 0, 180),
        ((-1, 180, 1, -170), 0, 180),
        ((-1, 180, 1, -170), 0, -175),
        ((60, 10, 90, 20), 90, -77),
        ((-90, 10, -60, 20), -90, 180),
    ],
)
def test_the_antimeridian_and_the_poles_are_held_by_every_number_they_go_by(
    corners: tuple[float, float, float, float], latitude: float, longitude: float
) -> None:
    assert any(box.contains(latitude, longitude) for box in boxes_between(*corners))


@pytest.mark.parametrize(
    ("corners", "reason"),
    [
        (
            (3, 2, 1, 4),
            "the south 3 is not less than the north 1; write a box as SOUTH,WEST,NORTH,EAST",
        ),
        ((1, 2, 1, 4), "the south 1 is not less than the north 1"),
        ((1, 4, 3, 4), "the box has no width between the west 4 and the east 4"),
        ((1, 180, 3, -180), "the box has no width between the west 180 and the east -180"),
        ((1, -180, 3, -180), "the box has no width between the west -180 and the east -180"),
        ((-91, 2, 3, 4), "latitude -91 is not between"),
        ((1, 2, 90.5, 4), "latitude 90.5 is not between"),
        ((1, 181, 3, 4), "longitude 181 is not between"),
        ((1, 2, 3, -180.5), "longitude -180.5 is not between"),
        ((float("nan"), 2, 3, 4), "latitude nan"),
        ((1, 2, 3, float("inf")), "longitude inf"),
    ],
)
def test_a_box_that_is_none_names_the_values(
    corners: tuple[float, float, float, float], reason: str
) -> None:
    with pytest.raises(RegionError, match=re.escape(reason)):
        boxes_between(*corners)


SIDES = st.floats(-180, 180)


@given(west=SIDES, east=SIDES, longitude=SIDES)
def test_a_box_runs_from_its_west_eastwards_to_its_east(
    west: float, east: float, longitude: float
) -> None:
    if west == east or (west, east) == (180, -180):
        return
    boxes = boxes_between(-1, west, 1, east)
    assert all(-180 <= box.west <= box.east <= 180 for box in boxes)
    same = {longitude, -longitude} if abs(longitude) == 180 else {longitude}
    expected = any(west <= at <= east if west < east else at >= west or at <= east for at in same)
    assert any(box.contains(0, longitude) for box in boxes) == expected
