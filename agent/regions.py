"""Regions: from what a person writes, and to what the database searches in."""

from __future__ import annotations

from collections.abc import Iterable

from geofix.agent.errors import RegionError
from geofix.agent.state import Region
from geofix.db.area import Area
from geofix.tools.countries import countries_at, country_boxes, country_named, find_country
from geofix.tools.geo import (
    HALF_CIRCUMFERENCE_KM,
    Box,
    bounding_boxes,
    check_coordinates,
    haversine_km,
)


def parse_region(text: str) -> Region:
    """Return the region `text` names.

    Args:
        text: `LAT,LON,KM` for a circle, else a country: its name or ISO code.

    Raises:
        RegionError: It is neither; the text says what is wrong with it.
    """
    parts = text.split(",")
    numbers = [_number(part) for part in parts]
    if all(number is None for number in numbers):
        country = find_country(text)
        return Region(country_code=country.code, name=country.name)
    latitude, longitude, radius_km = [*numbers, None, None, None][:3]
    if latitude is None or longitude is None or radius_km is None or len(parts) != 3:
        raise RegionError(
            f"the region {text!r} is not three numbers; write LAT,LON,KM such as '48.86,2.35,50',"
            " or a country such as 'France'"
        )
    return circle(latitude, longitude, radius_km)


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


def holds(region: Region, latitude: float, longitude: float) -> bool:
    """Say whether a circle holds a point; a country's borders are not asked here."""
    if region.latitude is None or region.longitude is None or region.radius_km is None:
        raise RegionError(f"the region {region.name!r} is no circle")
    distance_km = haversine_km(region.latitude, region.longitude, latitude, longitude)
    return float(distance_km) <= region.radius_km


def allows(within: Region | None, latitude: float, longitude: float) -> bool:
    """Say whether an answer may lie at a point, by the region the question gave."""
    if within is None:
        return True
    if within.country_code is not None:
        return countries_at([latitude], [longitude])[0] == within.country_code
    return holds(within, latitude, longitude)


def search_areas(region: Region | None, within: Region | None) -> tuple[Area, ...]:
    """Return what a round searches: its own region, and never outside what the question allows.

    Raises:
        RegionError: A region is no circle and no country, or a country there is none of.
    """
    return tuple(search_area(part) for part in dict.fromkeys((within, region)) if part is not None)


def search_area(region: Region) -> Area:
    """Return what the database searches for a region.

    Raises:
        RegionError: As `search_areas`.
    """
    code = region.country_code
    country = None if code is None else country_named(code).code
    circle = region.latitude, region.longitude, region.radius_km
    latitude, longitude, radius_km = circle
    if latitude is None or longitude is None or radius_km is None:
        if country is None or circle != (None, None, None):
            # Searching everywhere instead would answer another question than was asked.
            raise RegionError(
                f"the region {region.name!r} is neither a circle (latitude, longitude and"
                " radius_km) nor a country (country_code)"
            )
        # The boxes let the index over cells help; the code decides.
        return Area(boxes=_corners(country_boxes(country)), country=country)
    boxes = bounding_boxes(latitude, longitude, radius_km)
    return Area(
        latitude=latitude,
        longitude=longitude,
        radius_km=radius_km,
        boxes=_corners(boxes),
        country=country,
    )


def _corners(boxes: Iterable[Box]) -> tuple[tuple[float, float, float, float], ...]:
    return tuple((box.south, box.west, box.north, box.east) for box in boxes)
