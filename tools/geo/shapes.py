"""Circles as GeoJSON (RFC 7946), and boxes that may cross the antimeridian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geofix.tools.errors import RegionError
from geofix.tools.geo.distance import (
    HALF_CIRCUMFERENCE_KM,
    WORLD,
    Box,
    FloatArray,
    check_coordinates,
    check_radius,
    destinations,
)

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


DECIMALS = 7
"""A centimeter: enough for a map, and short in the trail."""

SMALLEST_RADIUS_KM = 1e-4
"""A smaller circle would vanish in the rounding and is drawn at this size."""


def circle_geometry(
    latitude: float, longitude: float, radius_km: float, points: int = 64
) -> dict[str, Any]:
    """A circle as a GeoJSON geometry.

    It is inscribed: 64 points leave out 0.16 % of the area. A circle around a pole comes down to
    the map's edge there, one across the antimeridian is cut in two (RFC 7946, section 3.1.9).

    Returns:
        A Polygon or MultiPolygon of plain lists and floats, outer rings counter-clockwise.

    Raises:
        RegionError: The coordinates or the radius are none.
    """
    import shapely  # noqa: PLC0415  0.1 s that distances alone need not pay

    check_radius(radius_km)
    shape = _shape(latitude, longitude, max(radius_km, SMALLEST_RADIUS_KM), points)
    shape = shapely.orient_polygons(shapely.set_precision(shape, 10.0**-DECIMALS))
    mapping = shapely.geometry.mapping(shape)
    return {"type": mapping["type"], "coordinates": _lists(mapping["coordinates"])}


def _shape(latitude: float, longitude: float, radius_km: float, points: int) -> BaseGeometry:
    import shapely  # noqa: PLC0415  see `circle_geometry`
    from shapely.affinity import translate  # noqa: PLC0415

    check_coordinates(latitude, longitude)
    check_radius(radius_km)
    world = shapely.box(WORLD.west, WORLD.south, WORLD.east, WORLD.north)
    if radius_km >= HALF_CIRCUMFERENCE_KM:
        return world
    if radius_km > HALF_CIRCUMFERENCE_KM / 2:
        # Past a quarter of the circumference a circle may hold both poles; what it leaves out is
        # the smaller circle around the antipode, which does not.
        opposite = longitude - 180 if longitude > 0 else longitude + 180
        rest = HALF_CIRCUMFERENCE_KM - radius_km
        return world.difference(_shape(-latitude, opposite, rest, points))
    ring = _ring(latitude, longitude, radius_km, points)
    if abs(ring[-1, 0] - ring[0, 0]) > 180:
        pole = np.copysign(90.0, latitude)
        ring = np.concatenate([ring, [[ring[-1, 0], pole], [ring[0, 0], pole]]])
    # A ring that grazes a pole touches itself there.
    flat = shapely.make_valid(shapely.Polygon(ring))
    copies = [translate(flat, 360 * turn).intersection(world) for turn in (-2, -1, 0, 1, 2)]
    # Where a copy merely touches the map's edge it also leaves a line or a point.
    parts = [part for copy in copies for part in shapely.get_parts(copy) if part.area > 0]
    return shapely.union_all(parts)


def _ring(latitude: float, longitude: float, radius_km: float, points: int) -> FloatArray:
    """(points + 1, 2) of longitude and latitude, longitudes running on past 180 degrees."""
    check_coordinates(latitude, longitude)
    check_radius(radius_km)
    bearings = np.linspace(360.0, 0.0, points + 1)
    there, meridians = destinations(latitude, longitude, bearings, radius_km)
    # Bearings 360 and 0 differ by rounding: a ring has to close exactly.
    there[-1], meridians[-1] = there[0], meridians[0]
    return np.column_stack([np.unwrap(meridians, period=360), there])


def _lists(nested: Any) -> Any:
    """Tuples to lists, so that a geometry equals itself after JSON and after a checkpoint."""
    if isinstance(nested, tuple | list):
        return [_lists(item) for item in nested]
    return round(float(nested), DECIMALS)


ORDER = "write a box as SOUTH,WEST,NORTH,EAST"
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
        raise RegionError(
            f"the box has no width between the west {west!r} and the east {east!r}; {ORDER}"
        )
    # As if it crossed the antimeridian, where it ends there: the other side's part is a line.
    west = 180.0 if west == -180 else west
    east = -180.0 if east == 180 else east
    spans = [(west, east)] if west < east else [(west, 180.0), (-180.0, east)]
    poles = [latitude for latitude in (south, north) if abs(latitude) == 90]
    return [
        *(Box(south, left, north, right) for left, right in spans),
        *(Box(pole, -180.0, pole, 180.0) for pole in poles),
    ]
