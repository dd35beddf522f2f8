from __future__ import annotations

from geofix.db.search.area import Area, common_boxes

SMALL, LARGE = (0.0, 0.0, 1.0, 1.0), (-10.0, -10.0, 10.0, 10.0)
EAST, WEST = (-5.0, 175.0, 5.0, 180.0), (-5.0, -180.0, 5.0, -175.0)


def test_no_area_and_no_boxes_bound_nothing() -> None:
    assert common_boxes(()) is None
    assert common_boxes([Area(country="FJ"), Area(latitude=1, longitude=2, radius_km=3)]) is None


def test_the_area_with_the_smallest_boxes_bounds() -> None:
    areas = [Area(boxes=(LARGE,)), Area(country="FJ"), Area(boxes=(SMALL,))]
    assert common_boxes(areas) == (SMALL,)
    assert common_boxes(reversed(areas)) == (SMALL,)


def test_all_boxes_of_an_area_count() -> None:
    assert common_boxes([Area(boxes=(EAST, WEST)), Area(boxes=((0.0, 0.0, 9.0, 9.0),))]) == (
        (0.0, 0.0, 9.0, 9.0),
    )
    assert common_boxes([Area(boxes=(LARGE,)), Area(boxes=(EAST, WEST))]) == (EAST, WEST)
