"""Boxes as people write them, which may cross the antimeridian, cut into boxes that do not."""

from __future__ import annotations

from geofix.tools.errors import RegionError
from geofix.tools.geo import Box, check_coordinates

ORDER = "a box is SOUTH,WEST,NORTH,EAST"
"""Said of one that is none: other programs begin with the west."""


def boxes_between(south: float, west: float, north: float, east: float) -> list[Box]:
    """Boxes that together hold exactly what lies between two parallels and two meridians.

    180 and -180 degrees are one meridian and each pole is one point: what reaches them holds them
    by every number they go by.

    Args:
        south: Degrees, less than `north`.
        west: Degrees; greater than `east` for a box across the antimeridian.
        north: Degrees.
        east: Degrees.

    Returns:
        One box; two where it reaches the antimeridian; one more, without height, for each pole it
        reaches.

    Raises:
        RegionError: A corner is not on the Earth, or nothing lies between the sides.
    """
    check_coordinates(south, west)
    check_coordinates(north, east)
    if south >= north:
        raise RegionError(f"the south {south!r} is not less than the north {north!r}; {ORDER}")
    if (west, east) == (-180, 180):
        return [Box(south, -180.0, north, 180.0)]
    if west == east or (west, east) == (180, -180):
        raise RegionError(f"nothing lies between the west {west!r} and the east {east!r}; {ORDER}")
    # As if it crossed the antimeridian, where it ends there: the other side's part is a line.
    west = 180.0 if west == -180 else west
    east = -180.0 if east == 180 else east
    spans = [(west, east)] if west < east else [(west, 180.0), (-180.0, east)]
    poles = [latitude for latitude in (south, north) if abs(latitude) == 90]
    return [
        *(Box(south, left, north, right) for left, right in spans),
        *(Box(pole, -180.0, pole, 180.0) for pole in poles),
    ]
