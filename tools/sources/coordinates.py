"""Coordinates that are not what they seem, in one row and in a whole table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from geofix.tools.errors import RegionError, SourceError
from geofix.tools.geo import check_coordinates

HEAD = 1000
"""Rows of a table that are looked at before any is given."""

MIN_ROWS, MIN_SHARE = 5, 0.1
"""Fewer rows, or a smaller share of them, are mistakes of rows and not of columns."""

MIN_RADIANS = 20
"""Unlike places that all lie where radians would: there is no land there (off Ghana)."""

SCALES = (10_000_000, 1_000_000)
"""By which degrees are multiplied to be kept as whole numbers."""


def check_place(latitude: float, longitude: float) -> None:
    """Refuse what is no place of a photo.

    Raises:
        ValueError: Out of range, not finite, or 0, 0; says if the two look swapped or scaled.
    """
    try:
        check_coordinates(latitude, longitude)
    except RegionError as error:
        scale = _scale(latitude, longitude)
        hint = f"; are they degrees times {scale:,}?" if scale else ""
        raise ValueError(f"{error}{hint}") from error
    if latitude == 0 and longitude == 0:
        raise ValueError("the coordinates are 0, 0: taken for unset")


def check_columns(
    label: str, places: Sequence[tuple[float, float]], names: Mapping[str, str]
) -> None:
    """Refuse a collection whose columns, not just some rows, are mistaken.

    Swapped columns show only where a longitude exceeds 90 degrees: a table of Europe alone passes.

    Args:
        label: The collection, for the error.
        places: Latitude and longitude of its first rows, as they stand there, numbers only.
        names: What the collection calls our columns.

    Raises:
        SourceError: They look swapped, scaled, or like radians.
    """
    swapped = sum(90 < abs(lat) <= 180 and abs(lon) <= 90 for lat, lon in places)
    # Where latitudes are latitudes, some row has a longitude that could be none.
    plain = sum(abs(lat) <= 90 < abs(lon) <= 180 for lat, lon in places)
    names = {name: names.get(name, name) for name in ("latitude", "longitude")}
    if _many(swapped, places) and swapped > plain:
        raise SourceError(
            f"the columns of {label} look swapped: of the first {len(places)} rows {swapped} have a"
            " latitude beyond 90 degrees that would do for a longitude; try --column"
            f" latitude={names['longitude']} --column longitude={names['latitude']}"
        )
    for scale in SCALES:
        if _many(sum(_scale(*place) == scale for place in places), places):
            meters = "; or are they metres of a map projection?" if scale == SCALES[1] else ""
            raise SourceError(
                f"the coordinates of {label} look like degrees times {scale:,}: divide"
                f" {names['latitude']!r} and {names['longitude']!r} by it first{meters}"
            )
    inside = all(abs(lat) <= math.pi / 2 and abs(lon) <= math.pi for lat, lon in places)
    if inside and len(set(places)) >= MIN_RADIANS:
        raise SourceError(
            f"the coordinates of {label} look like radians: the first {len(places)} rows all lie"
            " within pi/2 and pi of 0; give degrees"
        )


def _many(count: int, places: Sequence[tuple[float, float]]) -> bool:
    return count >= max(MIN_ROWS, MIN_SHARE * len(places))


def _scale(latitude: float, longitude: float) -> int | None:
    """Return by what degrees were multiplied, if it looks like it."""
    largest = max(abs(latitude), abs(longitude))
    if not largest >= 10_000 or math.isinf(largest):
        return None
    # The smaller scale first: what fits it would be within 18 degrees of 0, 0 by the larger.
    for scale in reversed(SCALES):
        if abs(latitude) <= 90 * scale and abs(longitude) <= 180 * scale:
            return scale
    return None
