"""Regions: from what a person writes, and to what the database searches in."""

from __future__ import annotations

from collections.abc import Iterable

from geofix.agent.errors import RegionError
from geofix.agent.state import Region
from geofix.db.area import Area
from geofix.tools.boxes import boxes_between
from geofix.tools.countries import countries_at, country_boxes, country_named, find_country
from geofix.tools.geo import (
    HALF_CIRCUMFERENCE_KM,
    Box,
    bounding_boxes,
    check_coordinates,
    haversine_km,
)

HOW_TO_WRITE = (
    "write LAT,LON,KM such as '48.86,2.35,50', SOUTH,WEST,NORTH,EAST such as '48.8,2.2,48.9,2.5',"
    " or a country such as 'France'"
)

MOST_CHARACTERS = 200
"""Of a region as it is written: more than any country's name, and than four numbers, need."""


def parse_region(text: str) -> Region:
    """Return the region `text` names.

    Args:
        text: `LAT,LON,KM` for a circle, `SOUTH,WEST,NORTH,EAST` for a box, in degrees, else a
            country: its name or ISO code.

    Raises:
        RegionError: It is none of them; the text says what is wrong with it.
    """
    if len(text) > MOST_CHARACTERS:
        raise RegionError(
            f"the region {text[:40]!r}... has {len(text)} characters, more than {MOST_CHARACTERS};"
            f" {HOW_TO_WRITE}"
        )
    parts = text.split(",")
    numbers = [_number(part) for part in parts]
    if all(number is None for number in numbers):
        country = find_country(text)
        return Region(country_code=country.code, name=country.name)
    match [number for number in numbers if number is not None]:
        case [latitude, longitude, radius_km] if len(parts) == 3:
            return circle(latitude, longitude, radius_km)
        case [south, west, north, east] if len(parts) == 4:
            return box(south, west, north, east)
    raise RegionError(f"the region {text!r} is not three or four numbers; {HOW_TO_WRITE}")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def circle(latitude: float, longitude: float, radius_km: float, name: str | None = None) -> Region:
    """Return a circle.

    Raises:
        RegionError: The center is off the Earth, or the radius is not between 0 and half of it.
    """
    check_coordinates(latitude, longitude)
    if not 0 < radius_km <= HALF_CIRCUMFERENCE_KM:
        raise RegionError(
            f"the radius {radius_km!r} km is not between 0 and {HALF_CIRCUMFERENCE_KM:.0f} km"
        )
    named = name or f"{radius_km:g} km around {latitude:.4f}, {longitude:.4f}"
    return Region(latitude=latitude, longitude=longitude, radius_km=radius_km, name=named)


def box(south: float, west: float, north: float, east: float, name: str | None = None) -> Region:
    """Return a box; one whose west is greater than its east is across the antimeridian.

    Raises:
        RegionError: A corner is off the Earth, or nothing lies between the sides.
    """
    boxes_between(south, west, north, east)
    across = " across the antimeridian" if west > east else ""
    corners = f"{south:.4f}, {west:.4f} to {north:.4f}, {east:.4f}"
    return Region(box=(south, west, north, east), name=name or f"the box from {corners}{across}")


def holds(region: Region, latitude: float, longitude: float) -> bool:
    """Say whether a circle or a box holds a point; a country's borders are not asked here.

    Raises:
        RegionError: The region is neither, or both.
    """
    center = _circle_of(region)
    if center is not None:
        at_latitude, at_longitude, radius_km = center
        distance_km = haversine_km(at_latitude, at_longitude, latitude, longitude)
        return float(distance_km) <= radius_km
    if region.box is None:
        raise RegionError(f"the region {region.name!r} is neither a circle nor a box")
    return any(part.contains(latitude, longitude) for part in boxes_between(*region.box))


def allows(within: Region | None, latitude: float, longitude: float) -> bool:
    """Say whether an answer may lie at a point, by the region the question gave."""
    if within is None:
        return True
    if within.country_code is not None:
        if countries_at([latitude], [longitude])[0] != within.country_code:
            return False
        if within.box is None and within.radius_km is None:
            return True
    return holds(within, latitude, longitude)


def search_areas(region: Region | None, within: Region | None) -> tuple[Area, ...]:
    """Return what a round searches: its own region, and never outside what the question allows.

    Raises:
        RegionError: A region is no circle, box or country, is a circle and a box, or a country
            there is none of.
    """
    return tuple(search_area(part) for part in dict.fromkeys((within, region)) if part is not None)


def search_area(region: Region) -> Area:
    """Return what the database searches for a region.

    Raises:
        RegionError: As `search_areas`.
    """
    code = region.country_code
    country = None if code is None else country_named(code).code
    center = _circle_of(region)
    if center is not None:
        boxes = bounding_boxes(*center)
    elif region.box is not None:
        boxes = boxes_between(*region.box)
    elif country is not None:
        # The boxes let the index over cells help; the code decides.
        boxes = country_boxes(country)
    else:
        raise _none(region)
    latitude, longitude, radius_km = center or (None, None, None)
    return Area(
        latitude=latitude,
        longitude=longitude,
        radius_km=radius_km,
        boxes=_corners(boxes),
        country=country,
    )


def _circle_of(region: Region) -> tuple[float, float, float] | None:
    """Return center and radius of a circle; none where the region has no part of one."""
    latitude, longitude, radius_km = region.latitude, region.longitude, region.radius_km
    if latitude is None and longitude is None and radius_km is None:
        return None
    if latitude is None or longitude is None or radius_km is None:
        raise _none(region)
    if region.box is not None:
        raise RegionError(f"the region {region.name!r} is a circle and a box; give one of them")
    return latitude, longitude, radius_km


def _none(region: Region) -> RegionError:
    # Searching everywhere instead would answer another question than was asked.
    return RegionError(
        f"the region {region.name!r} is neither a circle (latitude, longitude and radius_km), a"
        " box (box) nor a country (country_code)"
    )


def _corners(boxes: Iterable[Box]) -> tuple[tuple[float, float, float, float], ...]:
    return tuple((box.south, box.west, box.north, box.east) for box in boxes)
