"""What the cells of a table say, whether they are text or typed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from geofix.tools.geo import HALF_CIRCUMFERENCE_KM

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
        raise ValueError(f"the {name} {text!r} holds a zero byte")
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
            raise ValueError(f"the {name} is a whole number past 1e308") from error
    text = text_of(cells, name)
    if not text:
        raise ValueError(f"the {name} is empty")
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"the {name} {text!r} is not a number") from error


def accuracy_of(cells: Cells) -> float:
    """Return the accuracy in km; 0 where none is given.

    Raises:
        ValueError: It is no distance on Earth.
    """
    accuracy_km = number_of(cells, "accuracy_km") if text_of(cells, "accuracy_km") else 0.0
    if not 0 <= accuracy_km <= HALF_CIRCUMFERENCE_KM:
        raise ValueError(f"the accuracy_km {accuracy_km!r} is no distance on Earth")
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
