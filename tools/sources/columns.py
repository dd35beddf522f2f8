"""Maps the columns of a table, parses its cells, and recognises swapped or scaled coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from geofix.tools.errors import RegionError, SourceError
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM, check_coordinates
from geofix.tools.statistics import PLACE_KM

ALIASES = {
    "path": (
        *("path", "file", "filename", "file_name", "filepath", "image", "image_path", "img_path"),
        *("impath", "img_id"),
    ),
    "latitude": ("latitude", "lat", "gps_latitude", "gps_lat"),
    "longitude": ("longitude", "lon", "lng", "long", "gps_longitude", "gps_lon", "gps_lng"),
    "id": ("id", "external_id", "img_id", "image_id", "photo_id", "photoid"),
    "author": ("author", "creator_username", "username", "user_name", "ownernsid", "usernsid"),
    "licence": ("licence", "license", "licensename", "license_name"),
    "attribution": ("attribution", "credit"),
    "captured_at": (
        *("captured_at", "captured at", "taken_at", "datetaken", "date_taken", "date"),
        "timestamp",
    ),
    "accuracy_km": ("accuracy_km",),
    "truth": ("truth",),
    "embedding": ("embedding", "embeddings", "vector", "features"),
}
"""Our name of a column, and what published sets call it, in this order; case is ignored."""

REQUIRED_COLUMNS = ("path", "latitude", "longitude")


def find_columns(
    table: Path,
    header: Sequence[str],
    columns: Mapping[str, str] | None = None,
    required: Sequence[str] = REQUIRED_COLUMNS,
) -> dict[str, int]:
    """Return where each of our columns is in a table.

    Args:
        table: For the error only.
        header: The table's own names.
        columns: Our name of a column to the table's; goes before `ALIASES`.
        required: Our names of those that have to be there.

    Raises:
        SourceError: One that is needed or named is missing, or one is there twice.
    """
    columns = columns or {}
    check_names(columns)
    there = [name.lower() for name in header]
    listed = f"its columns are {', '.join(map(repr, header)) or 'none'}"
    found: dict[str, int] = {}
    for name, aliases in ALIASES.items():
        if name in columns and columns[name].lower() not in there:
            raise SourceError(
                f"the table {str(table)!r} has no column {columns[name]!r}, which --column names"
                f" for {name!r}; {listed}"
            )
        wanted = (columns[name].lower(),) if name in columns else aliases
        used = next((alias for alias in wanted if alias in there), None)
        if used is None and name in required:
            raise SourceError(
                f"the table {str(table)!r} has no column {name!r}; {listed}. Name the right one"
                f" with --column {name}=NAME"
            )
        if used is None:
            continue
        found[name] = _place(table, header, columns.get(name), used)
    return found


def check_names(columns: Mapping[str, str]) -> None:
    """Refuse a mapping from names that are not ours.

    Raises:
        SourceError: There is such a name.
    """
    unknown = next((name for name in columns if name not in ALIASES), None)
    if unknown is not None:
        raise SourceError(f"geofix has no column {unknown!r}; its columns are {', '.join(ALIASES)}")


def _place(table: Path, header: Sequence[str], mapped: str | None, used: str) -> int:
    # A table may tell 'LAT' from 'lat'; what was spelled exactly is meant.
    if mapped is not None and header.count(mapped) == 1:
        return header.index(mapped)
    there = [name.lower() for name in header]
    if there.count(used) > 1:
        listed = ", ".join(map(repr, header))
        raise SourceError(f"the table {str(table)!r} has the column {used!r} twice; {listed}")
    return there.index(used)


Cells = Mapping[str, Any]
"""Our name of a column to its cell: text, or a number, date or None of a typed table."""

SECONDS_DIGITS, MILLISECONDS_DIGITS = (9, 10), (12, 13)
"""How many digits an instant since 1970 has, from 1973 to 2286."""


def text_of(cells: Cells, name: str) -> str:
    """Return a cell as text; empty where there is none, or a null or NaN stands in it.

    Raises:
        ValueError: It holds a zero byte, which Postgres cannot keep.
    """
    value = cells.get(name)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    # Tables that once had a gap keep whole numbers as floats.
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if "\0" in text:
        raise ValueError(f"the {name} {text!r} contains a zero byte")
    return text.strip()


def number_of(cells: Cells, name: str) -> float:
    """Return a cell as a number, NaN and infinity included.

    Raises:
        ValueError: It is empty or no number.
    """
    value = cells.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError(f"the {name} is a whole number above 1e308") from error
    text = text_of(cells, name)
    if not text:
        raise ValueError(f"the {name} is empty")
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"the {name} {text!r} is not a number") from error


CITY, CITY_KM = "city", PLACE_KM
"""What `truth` says of a city's center, and how far from it a photo may have been taken."""


def accuracy_of(cells: Cells) -> float:
    """Return the accuracy in km; 0 where none is given.

    Where `truth` is `city`, the coordinates are a city's center. Photos of a city that are all put
    there have not been taken side by side, as exact ones at one point have.

    Raises:
        ValueError: It is no distance on Earth.
    """
    stated = CITY_KM if text_of(cells, "truth") == CITY else 0.0
    accuracy_km = number_of(cells, "accuracy_km") if text_of(cells, "accuracy_km") else stated
    if not 0 <= accuracy_km <= HALF_CIRCUMFERENCE_KM:
        raise ValueError(f"the accuracy_km {accuracy_km!r} is not a distance on Earth")
    return accuracy_km


def instant_of(cells: Cells) -> datetime | None:
    """Return when a photo was taken; what has no offset is taken for UTC.

    Reads ISO 8601 and seconds or milliseconds since 1970 (Mapillary's way).

    Raises:
        ValueError: It is none of these.
    """
    value = cells.get("captured_at")
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    text = text_of(cells, "captured_at")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) in SECONDS_DIGITS + MILLISECONDS_DIGITS:
        seconds = int(text) if len(text) in SECONDS_DIGITS else int(text) / 1000
        return datetime.fromtimestamp(seconds, tz=UTC)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"the date {text!r} is not written as ISO 8601") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


HEAD = 1000
"""Number of rows that are checked before the table is read."""

MIN_ROWS, MIN_SHARE = 5, 0.1
"""Minimum number and share of rows with an error for it to be an error of the whole column."""

MIN_RADIANS = 20
"""Unlike places that all lie where radians would: there is no land there (off Ghana)."""

DEGREE_FACTORS = (10_000_000, 1_000_000)
"""Factors by which data sets multiply degrees to store whole numbers."""


def check_place(latitude: float, longitude: float) -> None:
    """Refuse an invalid place of a photo.

    Raises:
        ValueError: It is out of range, not finite, or 0, 0. The text says whether the coordinates
            look swapped or scaled.
    """
    try:
        check_coordinates(latitude, longitude)
    except RegionError as error:
        scale = _scale(latitude, longitude)
        hint = f"; they may be degrees times {scale:,}" if scale else ""
        raise ValueError(f"{error}{hint}") from error
    if latitude == 0 and longitude == 0:
        raise ValueError("the coordinates are 0, 0, which usually means that they were not set")


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
            f"latitude and longitude of {label} look swapped: in {swapped} of the first"
            f" {len(places)} rows the latitude is beyond 90 degrees. Try --column"
            f" latitude={names['longitude']} --column longitude={names['latitude']}"
        )
    for scale in DEGREE_FACTORS:
        if _many(sum(_scale(*place) == scale for place in places), places):
            meters = (
                ", unless they are meters of a map projection" if scale == DEGREE_FACTORS[1] else ""
            )
            raise SourceError(
                f"the coordinates of {label} look like degrees times {scale:,}; divide"
                f" {names['latitude']!r} and {names['longitude']!r} by {scale:,}{meters}"
            )
    inside = all(abs(lat) <= math.pi / 2 and abs(lon) <= math.pi for lat, lon in places)
    if inside and len(set(places)) >= MIN_RADIANS:
        raise SourceError(
            f"the coordinates of {label} look like radians, because no latitude in the first"
            f" {len(places)} rows exceeds pi/2 and no longitude exceeds pi; give degrees"
        )


def _many(count: int, places: Sequence[tuple[float, float]]) -> bool:
    return count >= max(MIN_ROWS, MIN_SHARE * len(places))


def _scale(latitude: float, longitude: float) -> int | None:
    """Return by what degrees were multiplied, if it looks like it."""
    largest = max(abs(latitude), abs(longitude))
    if not largest >= 10_000 or math.isinf(largest):
        return None
    # The smaller scale first: what fits it would be within 18 degrees of 0, 0 by the larger.
    for scale in reversed(DEGREE_FACTORS):
        if abs(latitude) <= 90 * scale and abs(longitude) <= 180 * scale:
            return scale
    return None
