"""The name of an answer's place, no finer than what is known of it."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.answer import Place
from geofix.tools.geo.continents import continent_of
from geofix.tools.geo.places import place_at
from geofix.tools.statistics import SCALES


def place_within(latitude: float, longitude: float, radius_km: float) -> Place | None:
    """Return the name of the place, no finer than the radius: a city, a region, a country."""
    place = place_at(latitude, longitude)
    if place is None:
        return None
    known = Place(
        name=place.name,
        admin=place.admin,
        country=place.country,
        country_code=place.country_code,
        label=place.describe(),
    )
    return no_finer(known, radius_km)


def no_finer(place: Place, radius_km: float) -> Place | None:
    """Return the name of a place without what is finer than a radius; none beyond a continent.

    Answers of earlier versions were stored with the name of a city, whatever their radius.

    Args:
        place: Its name in full, or what is left of it.
        radius_km: Of the answer.
    """
    if radius_km > SCALES["continent"]:
        return None
    if radius_km <= SCALES["city"] or place.country is None:
        return place
    if radius_km > SCALES["country"]:
        return Place(label=continent_of(place.country_code))
    admin = place.admin if radius_km <= SCALES["region"] else None
    country = place.country
    label = country if admin in (None, country) else f"{admin}, {country}"
    return Place(admin=admin, country=country, country_code=place.country_code, label=label)


def place_of_all(points: Sequence[tuple[float, float]], radius_km: float) -> Place | None:
    """Return the first point's name, no finer than the radius nor than what all points share.

    Args:
        points: Latitude and longitude in degrees.
        radius_km: Of the answer.
    """
    coarser = [km for km in SCALES.values() if km > max(radius_km, SCALES["city"])]
    for km in (radius_km, *coarser):
        place, *others = [place_within(*point, km) for point in points]
        if all(_label(other) == _label(place) for other in others):
            return place
    return None


def _label(place: Place | None) -> str | None:
    return None if place is None else place.label
