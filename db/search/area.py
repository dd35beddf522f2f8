"""The part of the Earth a search is limited to, as SQL conditions on a partition's rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Double,
    TableClause,
    Text,
    and_,
    bindparam,
    func,
    not_,
    or_,
)

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of WGS84 (Moritz 2000), as in `geofix.tools.geo.distance`."""

HALF_RADIAN = math.radians(0.5)

Box = tuple[float, float, float, float]
"""South, west, north, east in degrees; never across the antimeridian."""

BOX_SIDES = ("south", "west", "north", "east")


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

    def conditions(self, rows: TableClause, name: str) -> tuple[ColumnElement[bool], ...]:
        """Return what rows must satisfy, all of it, with places for `parameters` of this name."""
        shape = len(self.boxes), self.country is not None, self._chord is not None
        return _conditions(rows, name, *shape)

    def outside(self, rows: TableClause, name: str) -> ColumnElement[bool]:
        """Return what rows must satisfy to lie outside."""
        return not_(and_(*self.conditions(rows, name)))

    def parameters(self, name: str) -> dict[str, object]:
        """Return what fills the places in `conditions`."""
        filled: dict[str, object] = {}
        for number, box in enumerate(self.boxes):
            filled |= {
                f"{name}_{side}{number}": at for side, at in zip(BOX_SIDES, box, strict=True)
            }
        if self.country is not None:
            filled[f"{name}_country"] = self.country
        if self._chord is not None:
            filled[f"{name}_chord"] = self._chord
            filled[f"{name}_latitude"] = self.latitude
            filled[f"{name}_longitude"] = self.longitude
        return filled

    @property
    def _chord(self) -> float | None:
        """Squared half chord to the edge of the circle; none without a circle."""
        if self.latitude is None or self.longitude is None or self.radius_km is None:
            return None
        return math.sin(min(self.radius_km / EARTH_RADIUS_KM, math.pi) / 2) ** 2


def common_boxes(areas: Iterable[Area]) -> tuple[Box, ...] | None:
    """Return the boxes of the area that has boxes and bounds tightest; none if none has any."""
    bounded = [area.boxes for area in areas if area.boxes]
    if not bounded:
        return None
    return min(bounded, key=lambda boxes: sum(_square_degrees(box) for box in boxes))


# Built once for each shape: putting it together takes longer than Postgres needs to plan it.
@lru_cache
def _conditions(
    rows: TableClause, name: str, boxes: int, country: bool, circle: bool
) -> tuple[ColumnElement[bool], ...]:
    conditions: list[ColumnElement[bool]] = []
    if boxes:
        conditions.append(or_(*(_inside(rows, name, number) for number in range(boxes))))
    if country:
        conditions.append(rows.c.country == bindparam(f"{name}_country", type_=Text()))
    if circle:
        chord = chord_sql(rows, _degrees(f"{name}_latitude"), _degrees(f"{name}_longitude"))
        conditions.append(chord <= _degrees(f"{name}_chord"))
    return tuple(conditions)


def chord_sql(
    rows: TableClause, latitude: ColumnElement[float], longitude: ColumnElement[float]
) -> ColumnElement[float]:
    """Return the squared half chord from a point to each row: the haversine formula's inside.

    It grows with the distance `2 R asin(sqrt(chord))`, and is compared where that would be, which
    saves two functions a row.
    """
    half_latitude = _sine((rows.c.latitude - latitude) * HALF_RADIAN)
    half_longitude = _sine((rows.c.longitude - longitude) * HALF_RADIAN)
    # The first of them Postgres computes once, when it plans.
    flat = _cosine(latitude) * _cosine(rows.c.latitude)
    return half_latitude * half_latitude + flat * half_longitude * half_longitude


def _sine(angle: ColumnElement[Any]) -> ColumnElement[float]:
    return func.sin(angle, type_=Double)


def _cosine(degrees: ColumnElement[Any]) -> ColumnElement[float]:
    return func.cos(func.radians(degrees), type_=Double)


def _degrees(name: str) -> BindParameter[float]:
    return bindparam(name, type_=Double())


def _square_degrees(box: Box) -> float:
    south, west, north, east = box
    return (north - south) * (east - west)


def _inside(rows: TableClause, name: str, number: int) -> ColumnElement[bool]:
    south, west, north, east = (_degrees(f"{name}_{side}{number}") for side in BOX_SIDES)
    return and_(rows.c.latitude.between(south, north), rows.c.longitude.between(west, east))
