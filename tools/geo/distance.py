"""Distances, bearings and boxes on the sphere.

All functions take and return WGS84 degrees on a sphere of Earth's mean radius; distances are within
0.56 % of the ellipsoid's. Shapes to draw are in `geofix.tools.geo.shapes`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.tools.errors import RegionError

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of Earth, (2a + b) / 3 of WGS84. Source: IUGG, Moritz 2000, table 'R1'."""

HALF_CIRCUMFERENCE_KM = math.pi * EARTH_RADIUS_KM
"""Distance between antipodes: no two points are farther apart."""

MARGIN_DEGREES = 1e-9
"""A tenth of a millimeter, added to boxes to allow for rounding."""

FloatArray = NDArray[np.float64]


class Box(NamedTuple):
    """A box in degrees that does not cross the antimeridian: `west <= east`."""

    south: float
    west: float
    north: float
    east: float

    def contains(self, latitude: float, longitude: float) -> bool:
        """Return whether a point is in the box or on its edge."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


WORLD = Box(-90.0, -180.0, 90.0, 180.0)


def check_coordinates(latitude: float, longitude: float) -> None:
    """Refuse an invalid position.

    Raises:
        RegionError: The latitude is not in [-90, 90], the longitude not in [-180, 180], or either
            is NaN or infinite.
    """
    if not -90 <= latitude <= 90:
        swapped = 90 < abs(latitude) <= 180 and abs(longitude) <= 90
        hint = "; latitude comes first, so the two may be swapped" if swapped else ""
        raise RegionError(f"latitude {latitude!r} is not between -90 and 90 degrees{hint}")
    if not -180 <= longitude <= 180:
        raise RegionError(f"longitude {longitude!r} is not between -180 and 180 degrees")


def check_radius(radius_km: float) -> None:
    """Refuse a radius that is not positive and finite.

    Raises:
        RegionError: It is zero, negative, NaN or infinite.
    """
    if not 0 < radius_km < math.inf:
        raise RegionError(f"radius {radius_km!r} km is not a positive, finite distance")


def haversine_km(
    latitude_a: ArrayLike, longitude_a: ArrayLike, latitude_b: ArrayLike, longitude_b: ArrayLike
) -> FloatArray:
    """Great-circle distance by the haversine formula.

    `h = sin²(Δφ/2) + cos φa cos φb sin²(Δλ/2)` and `d = 2 R atan2(√h, √(1-h))`. Source: R. W.
    Sinnott, 'Virtues of the Haversine', Sky and Telescope 68(2), 1984.

    Args:
        latitude_a: Degrees, of any shape that broadcasts with the others.
        longitude_a: Degrees.
        latitude_b: Degrees.
        longitude_b: Degrees.

    Returns:
        Kilometers, float64 of the broadcast shape; a numpy scalar where all four are scalars.
    """
    squared = _half_chord_squared(latitude_a, longitude_a, latitude_b, longitude_b)
    angle = 2 * np.arctan2(np.sqrt(squared), np.sqrt(1 - squared))
    distance_km: FloatArray = EARTH_RADIUS_KM * angle
    return distance_km


def _half_chord_squared(
    latitude_a: ArrayLike, longitude_a: ArrayLike, latitude_b: ArrayLike, longitude_b: ArrayLike
) -> FloatArray:
    """Return the haversine of the angle between points, 0 to 1, which grows with the distance."""
    phi_a, lambda_a, phi_b, lambda_b = (
        np.radians(np.asarray(value, dtype=np.float64))
        for value in (latitude_a, longitude_a, latitude_b, longitude_b)
    )
    squared: FloatArray = np.clip(
        np.sin((phi_b - phi_a) / 2) ** 2
        + np.cos(phi_a) * np.cos(phi_b) * np.sin((lambda_b - lambda_a) / 2) ** 2,
        0.0,
        1.0,
    )
    return squared


def distances_km(
    latitudes_a: ArrayLike, longitudes_a: ArrayLike, latitudes_b: ArrayLike, longitudes_b: ArrayLike
) -> FloatArray:
    """Return the great-circle distances between all pairs of two sets of points.

    Args:
        latitudes_a: Degrees, shape (n,).
        longitudes_a: Degrees, shape (n,).
        latitudes_b: Degrees, shape (m,).
        longitudes_b: Degrees, shape (m,).

    Returns:
        Kilometers, shape (n, m).
    """
    return haversine_km(*_columns(latitudes_a, longitudes_a), latitudes_b, longitudes_b)


def are_within(
    latitudes_a: ArrayLike,
    longitudes_a: ArrayLike,
    latitudes_b: ArrayLike,
    longitudes_b: ArrayLike,
    radius_km: float,
) -> NDArray[np.bool_]:
    """Return which pairs of two sets of points are within a radius, `[n, m]`.

    This is `distances_km(...) <= radius_km` at a third of the cost, because haversines are compared
    without computing angles.
    """
    squared = _half_chord_squared(*_columns(latitudes_a, longitudes_a), latitudes_b, longitudes_b)
    angle = min(radius_km / EARTH_RADIUS_KM, math.pi)
    there: NDArray[np.bool_] = squared <= math.sin(angle / 2) ** 2
    return there


def _columns(latitudes: ArrayLike, longitudes: ArrayLike) -> tuple[FloatArray, FloatArray]:
    return (
        np.asarray(latitudes, dtype=np.float64)[:, None],
        np.asarray(longitudes, dtype=np.float64)[:, None],
    )


def destinations(
    latitude: ArrayLike, longitude: ArrayLike, bearing_degrees: ArrayLike, distance_km: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return the points reached along great circles, over arrays that broadcast.

    Source: E. Williams, 'Aviation Formulary', 'Lat/lon given radial and distance'.

    Args:
        latitude: Start, degrees.
        longitude: Start, degrees.
        bearing_degrees: Clockwise from north.
        distance_km: How far.

    Returns:
        Latitudes, and longitudes in [-180, 180).
    """
    phi, lam, theta = (
        np.radians(np.asarray(value, dtype=np.float64))
        for value in (latitude, longitude, bearing_degrees)
    )
    delta = np.asarray(distance_km, dtype=np.float64) / EARTH_RADIUS_KM
    # The target in the frame (towards the axis in the meridian, east, along the axis): exact at the
    # poles, where the textbook form loses digits to arcsin near 1.
    along = np.cos(phi) * np.cos(delta) - np.sin(phi) * np.sin(delta) * np.cos(theta)
    east = np.sin(delta) * np.sin(theta)
    up = np.sin(phi) * np.cos(delta) + np.cos(phi) * np.sin(delta) * np.cos(theta)
    there = np.degrees(np.arctan2(up, np.hypot(along, east)))
    meridian = np.degrees(lam + np.arctan2(east, along))
    return there, (meridian + 180) % 360 - 180


def spherical_mean(
    latitudes: ArrayLike, longitudes: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, float]:
    """Return the direction of the (weighted) mean of the points' unit vectors.

    Unlike a mean of degrees, it is right across the antimeridian and at the poles. Source: K. V.
    Mardia and P. E. Jupp, 'Directional Statistics', 2000, section 9.2.1.

    Args:
        latitudes: Degrees, shape (n,).
        longitudes: Degrees, shape (n,).
        weights: Not negative, shape (n,); equal where left out.

    Returns:
        (latitude, longitude) in degrees.

    Raises:
        RegionError: There is no point, the total weight is zero, a weight is negative, or the
            points balance each other, as antipodes do.
    """
    phi, lam = (np.radians(np.atleast_1d(np.asarray(v, float))) for v in (latitudes, longitudes))
    share = np.ones(len(phi)) if weights is None else np.atleast_1d(np.asarray(weights, float))
    total = float(share.sum())
    if len(phi) == 0 or not 0 < total < math.inf or bool((share < 0).any()):
        raise RegionError(
            f"the mean of {len(phi)} points with a total weight of {total!r} is undefined; give"
            " at least one point and a positive total weight"
        )
    vectors = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    x, y, z = (float(component) for component in vectors @ share / total)
    length = math.hypot(x, y, z)
    if not length > 1e-9:
        raise RegionError(
            f"the mean of these {len(phi)} points is undefined, because they balance each other"
            f" on the sphere: their vectors sum to {length!r}"
        )
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def bounding_boxes(latitude: float, longitude: float, radius_km: float) -> list[Box]:
    """Return boxes that contain every point within a radius, for a database to filter by.

    The half width is `asin(sin δ / cos φ)`, larger than the width at the center's own latitude.
    Source: J. P. Matuschek, 'Finding points within a distance of a latitude/longitude using
    bounding coordinates', section 3, after Bronstein.

    Returns:
        One box; two where the circle crosses the antimeridian; all longitudes where it holds a
        pole; the world from half the circumference on.

    Raises:
        RegionError: The coordinates or the radius are invalid.
    """
    check_coordinates(latitude, longitude)
    check_radius(radius_km)
    if radius_km >= HALF_CIRCUMFERENCE_KM:
        return [WORLD]
    reach = math.degrees(radius_km / EARTH_RADIUS_KM) + MARGIN_DEGREES
    south, north = latitude - reach, latitude + reach
    if south <= -90 or north >= 90:
        return [Box(max(south, -90.0), -180.0, min(north, 90.0), 180.0)]
    sine = math.sin(math.radians(reach)) / math.cos(math.radians(latitude))
    half = math.degrees(math.asin(min(sine, 1.0))) + MARGIN_DEGREES
    return split_box(south, longitude - half, north, longitude + half)


def split_box(south: float, west: float, north: float, east: float) -> list[Box]:
    """Return boxes for a span of longitudes that may extend past 180 degrees on either side."""
    if east - west >= 360:
        return [Box(south, -180.0, north, 180.0)]
    if west < -180:
        return [Box(south, west + 360, north, 180.0), Box(south, -180.0, north, east)]
    if east > 180:
        return [Box(south, west, north, 180.0), Box(south, -180.0, north, east - 360)]
    return [Box(south, west, north, east)]
