"""Regions: from what a person writes, and to what the database searches in."""

from __future__ import annotations

from geofix.agent.errors import RegionError
from geofix.agent.state import Region
from geofix.db.area import Area
from geofix.tools.countries import find_country
from geofix.tools.geo import bounding_boxes, check_coordinates

FARTHEST_KM = 20_037.6
"""Half the Earth's circumference: no two places are farther apart."""


def parse_region(text: str) -> Region:
    """Return the region `text` names.

    Args:
        text: `LAT,LON,KM` for a circle, else a country: its name or ISO code.

    Raises:
        RegionError: It is neither; the text says what is wrong with it.
    """
    numbers = text.split(",")
    if len(numbers) == 3:
        try:
            latitude, longitude, radius_km = (float(number) for number in numbers)
        except ValueError as error:
            raise RegionError(
                f"the region {text!r} is not three numbers; write LAT,LON,KM such as"
                " '48.86,2.35,50', or a country such as 'France'"
            ) from error
        return circle(latitude, longitude, radius_km)
    country = find_country(text)
    return Region(country_code=country.code, name=country.name)


def circle(latitude: float, longitude: float, radius_km: float, name: str | None = None) -> Region:
    """Return a circle.

    Raises:
        RegionError: The center is off the Earth, or the radius is not between 0 and half of it.
    """
    check_coordinates(latitude, longitude)
    if not 0 < radius_km <= FARTHEST_KM:
        raise RegionError(f"the radius {radius_km!r} km is not between 0 and {FARTHEST_KM:g} km")
    named = name or f"{radius_km:g} km around {latitude:.4f}, {longitude:.4f}"
    return Region(latitude=latitude, longitude=longitude, radius_km=radius_km, name=named)


def search_areas(region: Region | None, within: Region | None) -> tuple[Area, ...]:
    """Return what a round searches: its own region, and never outside what the question allows."""
    return tuple(_area(part) for part in dict.fromkeys((within, region)) if part is not None)


def _area(region: Region) -> Area:
    if region.latitude is None or region.longitude is None or region.radius_km is None:
        return Area(country=region.country_code)
    boxes = bounding_boxes(region.latitude, region.longitude, region.radius_km)
    return Area(
        latitude=region.latitude,
        longitude=region.longitude,
        radius_km=region.radius_km,
        boxes=tuple((box.south, box.west, box.north, box.east) for box in boxes),
    )
