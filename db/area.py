"""The part of the Earth a search is limited to, as SQL conditions on a partition's rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Double, TableClause, and_, func, not_, or_

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of WGS84 (Moritz 2000), as in `geofix.tools.geo`."""

HALF_RADIAN = math.radians(0.5)

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
            half_angle = min(self.radius_km / EARTH_RADIUS_KM, math.pi) / 2
            chord = chord_sql(rows, self.latitude, self.longitude)
            conditions.append(chord <= math.sin(half_angle) ** 2)
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


def chord_sql(rows: TableClause, latitude: float, longitude: float) -> ColumnElement[float]:
    """Return the squared half chord from a point to each row: the haversine formula's inside.

    It grows with the distance `2 R asin(sqrt(chord))`, and is compared where that would be, which
    saves two functions a row.
    """
    half_latitude = _sine((rows.c.latitude - latitude) * HALF_RADIAN)
    half_longitude = _sine((rows.c.longitude - longitude) * HALF_RADIAN)
    flat = math.cos(math.radians(latitude)) * func.cos(func.radians(rows.c.latitude), type_=Double)
    return half_latitude * half_latitude + flat * half_longitude * half_longitude


def _sine(angle: ColumnElement[Any]) -> ColumnElement[float]:
    return func.sin(angle, type_=Double)


def _square_degrees(box: Box) -> float:
    south, west, north, east = box
    return (north - south) * (east - west)


def _inside(rows: TableClause, box: Box) -> ColumnElement[bool]:
    south, west, north, east = box
    return and_(rows.c.latitude.between(south, north), rows.c.longitude.between(west, east))
