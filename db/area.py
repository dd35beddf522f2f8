"""The part of the Earth a search is limited to, as SQL conditions on `photos`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_

from geofix.db.models import PhotoRow

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of WGS84 (Moritz 2000), as in `geofix.tools.geo`."""


@dataclass(frozen=True, slots=True)
class Area:
    """A circle, given with the boxes that bound it, or a country."""

    latitude: float | None = None
    longitude: float | None = None
    radius_km: float | None = None
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    """South, west, north, east each; none crosses the antimeridian. They let the index help."""
    country: str | None = None
    """ISO 3166-1 alpha-2."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what `photos` must satisfy; all of it."""
        conditions: list[ColumnElement[bool]] = []
        if self.boxes:
            conditions.append(or_(*(_inside(box) for box in self.boxes)))
        if self.country is not None:
            conditions.append(PhotoRow.country == self.country)
        if self.latitude is not None and self.longitude is not None and self.radius_km is not None:
            distance = haversine_sql(self.latitude, self.longitude)
            conditions.append(distance <= self.radius_km)
        return conditions


def haversine_sql(latitude: float, longitude: float) -> ColumnElement[float]:
    """Return the great-circle distance in km from a point to each photo (haversine formula)."""
    half_latitude = func.radians(PhotoRow.latitude - latitude) / 2
    half_longitude = func.radians(PhotoRow.longitude - longitude) / 2
    chord = func.power(func.sin(half_latitude), 2) + func.cos(func.radians(latitude)) * func.cos(
        func.radians(PhotoRow.latitude)
    ) * func.power(func.sin(half_longitude), 2)
    return 2 * EARTH_RADIUS_KM * func.asin(func.sqrt(func.least(1.0, chord)))


def _inside(box: tuple[float, float, float, float]) -> ColumnElement[bool]:
    south, west, north, east = box
    return and_(PhotoRow.latitude.between(south, north), PhotoRow.longitude.between(west, east))
