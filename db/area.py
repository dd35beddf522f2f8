"""The part of the Earth a search is limited to, as SQL conditions on a partition's rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, TableClause, and_, func, not_, or_

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of WGS84 (Moritz 2000), as in `geofix.tools.geo`."""

Box = tuple[float, float, float, float]
"""South, west, north, east in degrees; never across the antimeridian."""


@dataclass(frozen=True, slots=True)
class Area:
    """A circle, given with the boxes that bound it, a box, or a country."""

    latitude: float | None = None
    longitude: float | None = None
    radius_km: float | None = None
    boxes: tuple[Box, ...] = ()
    """They let the index help; a country's boxes hold all of it and more."""
    country: str | None = None
    """ISO 3166-1 alpha-2."""

    def conditions(self, rows: TableClause) -> list[ColumnElement[bool]]:
        """Return what rows must satisfy; all of it."""
        conditions: list[ColumnElement[bool]] = []
        if self.boxes:
            conditions.append(or_(*(_inside(rows, box) for box in self.boxes)))
        if self.country is not None:
            conditions.append(rows.c.country == self.country)
        if self.latitude is not None and self.longitude is not None and self.radius_km is not None:
            distance = haversine_sql(rows, self.latitude, self.longitude)
            conditions.append(distance <= self.radius_km)
        return conditions

    def outside(self, rows: TableClause) -> ColumnElement[bool]:
        """Return what rows must satisfy to lie outside."""
        return not_(and_(*self.conditions(rows)))


def common_boxes(areas: Iterable[Area]) -> tuple[Box, ...] | None:
    """Return the boxes of the area that has boxes and bounds tightest; none if none has any."""
    bounded = [area.boxes for area in areas if area.boxes]
    if not bounded:
        return None
    return min(bounded, key=lambda boxes: sum(_square_degrees(box) for box in boxes))


def haversine_sql(rows: TableClause, latitude: float, longitude: float) -> ColumnElement[float]:
    """Return the great-circle distance in km from a point to each row (haversine formula)."""
    half_latitude: ColumnElement[Any] = func.radians(rows.c.latitude - latitude) / 2
    half_longitude: ColumnElement[Any] = func.radians(rows.c.longitude - longitude) / 2
    chord = func.power(func.sin(half_latitude), 2) + func.cos(func.radians(latitude)) * func.cos(
        func.radians(rows.c.latitude)
    ) * func.power(func.sin(half_longitude), 2)
    return 2 * EARTH_RADIUS_KM * func.asin(func.sqrt(func.least(1.0, chord)))


def _square_degrees(box: Box) -> float:
    south, west, north, east = box
    return (north - south) * (east - west)


def _inside(rows: TableClause, box: Box) -> ColumnElement[bool]:
    south, west, north, east = box
    return and_(rows.c.latitude.between(south, north), rows.c.longitude.between(west, east))
