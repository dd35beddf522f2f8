"""Finds the one pair of coordinates in a text: `55.7012, 13.1931`, DMS, `lat: 55.7 lon: 13.19`.

A text with two different pairs gives none, and neither does one whose letters and labels contradict
each other. Nothing is guessed: what stands for an axis is its label, its letter, or the order of
two numbers with decimals that stand next to each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from geofix.tools.geo.degrees import DIRECTION_SIGNS, LETTERS, Axis, read_degrees

MOST_READ = 20_000
"""Characters that are read, the last ones of a text."""

SAME_DEGREES = 0.001
"""Two pairs this close are one place, written twice: DMS rounds to 0.0003 degrees."""

MOST_BETWEEN = 40
"""Characters between latitude and longitude where each has its label or letter."""

_UNIT = r"(?:[°º˚]|\\circ\b|\^\\circ|deg(?:rees?)?\b)"

# Every repetition is bounded or possessive, as in `degrees`.
_NUMBER = re.compile(
    rf"""
    (?:(?<![A-Za-z])(?P<label>lat(?:itude)?|lon(?:g(?:itude)?)?|lng)(?![A-Za-z])
       [\s:=*_`"'|~≈()\[\]{{}}]{{0,12}}+
       (?:(?:is|of|approximately|approx\.?|about|around|roughly)[\s:=~≈]{{1,4}}+){{0,2}})?
    (?:(?<![A-Za-z])(?P<before>[NSEW])[\s:]{{0,2}}+)?
    (?P<sign>(?<![\w.])[+\-\u2212]\s?)?
    (?<![\d.])(?P<degrees>\d{{1,3}}+(?:[.,]\d{{1,18}}+)?+)
    (?:\s?(?P<unit>{_UNIT})
       (?:\s?(?P<minutes>\d{{1,2}}+(?:[.,]\d{{1,9}}+)?+)\s?['\u2032\u2019]
          (?:\s?(?P<seconds>\d{{1,2}}+(?:[.,]\d{{1,9}}+)?+)\s?(?:"|\u2033|\u201d|''))?
       )?
    )?
    (?!\d|\.\d)
    (?:\s{{0,3}}+(?P<after>(?:north|south|east|west|[NSEW])(?![A-Za-z])))?
    """,
    re.VERBOSE | re.IGNORECASE,
)

_SIDE_BY_SIDE = re.compile(r"""[\s*_`"'°()\[\]]{0,5}(?:[,;/|]|\s)[\s*_`"'()\[\]]{0,5}""")
"""What may stand between two numbers that make a pair by their order."""

_BESIDE_COMMAS = re.compile(r"\s{0,3}[;/|]\s{0,3}|,?\s{1,3}")
"""The same where commas stand for points: `(12,34),(45,60)` are corners of a box."""

_DECIMAL_COMMA = re.compile(r"\d,\d{3}")

_ONWARDS = re.compile(r"\s{0,3}+[,;]\s{0,3}+[+\-\u2212]?\d")
_BACKWARDS = re.compile(r"\d\s{0,3}[,;]\s{0,3}[+\-\u2212]?$")
_FLAT = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "$": " "})


@dataclass(frozen=True, slots=True)
class _Number:
    """One number of a text that may be a coordinate."""

    axis: Axis | None
    """By its label or letter; None where it has neither."""
    degrees: float | None
    """None where label, letter and sign contradict each other."""
    start: int
    end: int
    is_decimal: bool
    has_comma: bool
    """Whether a comma stands for the point."""


def only_pair(text: str) -> tuple[float, float] | None:
    """Return latitude and longitude, in degrees, where a text has exactly one pair of them.

    Args:
        text: In any form; of a long one the last `MOST_READ` characters are read.
    """
    plain = text[-MOST_READ:].translate(_FLAT)
    numbers = [one for one in map(_number, _NUMBER.finditer(plain)) if one is not None]
    if any(one.axis is not None and one.degrees is None for one in numbers):
        return None
    found = [
        pair for one, other in pairwise(numbers) if (pair := _pair(one, other, plain)) is not None
    ]
    return found[0] if found and all(_same(found[0], pair) for pair in found) else None


def _number(found: re.Match[str]) -> _Number | None:
    label, letters = found["label"], [w for w in (found["before"], found["after"]) if w]
    is_decimal = bool(re.search(r"[.,]", found["degrees"]))
    if not label and not is_decimal and not (letters and found["unit"]):
        return None
    axes: set[Axis] = {_axis_of(letter[0].upper()) for letter in letters}
    if label:
        axes.add("latitude" if label.lower().startswith("lat") else "longitude")
    axis = min(axes) if axes else None
    degrees: float | None = None
    if len(axes) < 2 and len(letters) < 2 and axis is not None:
        degrees = _degrees(found, axis)
    elif axis is None:
        degrees = _degrees(found, "latitude")
    has_comma = "," in found["degrees"]
    return _Number(axis, degrees, found.start(), found.end(), is_decimal, has_comma)


def _degrees(found: re.Match[str], axis: Axis) -> float | None:
    letter = next((found[name][0].upper() for name in ("before", "after") if found[name]), "")
    written = (found["sign"] or "").strip() + found["degrees"]
    if found["minutes"]:
        written += f"°{found['minutes']}'"
    if found["seconds"]:
        written += f'{found["seconds"]}"'
    try:
        return read_degrees(written + letter, axis)
    except ValueError:
        return None


def _axis_of(letter: str) -> Axis:
    assert letter in DIRECTION_SIGNS
    return "latitude" if letter in LETTERS["latitude"] else "longitude"


def _pair(one: _Number, other: _Number, text: str) -> tuple[float, float] | None:
    if one.degrees is None or other.degrees is None:
        return None
    if one.axis is not None and other.axis is not None:
        if one.axis == other.axis or other.start - one.end > MOST_BETWEEN:
            return None
        pair = (one.degrees, other.degrees)
        return _on_earth(pair if one.axis == "latitude" else pair[::-1])
    if one.axis is not None or other.axis is not None:
        return None
    if not (one.is_decimal and other.is_decimal and _beside(one, other, text)):
        return None
    before = text[max(0, one.start - 8) : one.start]
    # Of a longer list, such as a box, no two numbers are a pair.
    if _ONWARDS.match(text, other.end) or _BACKWARDS.search(before):
        return None
    # No land lies there; similarities and shares of a picture do.
    if abs(one.degrees) < 1 and abs(other.degrees) < 1:
        return None
    return _on_earth((one.degrees, other.degrees))


def _beside(one: _Number, other: _Number, text: str) -> bool:
    between = text[one.end : other.start]
    if not (one.has_comma or other.has_comma):
        return _SIDE_BY_SIDE.fullmatch(between) is not None
    exact = all(
        number.has_comma and _DECIMAL_COMMA.search(text, number.start, number.end)
        for number in (one, other)
    )
    return exact and _BESIDE_COMMAS.fullmatch(between) is not None


def _on_earth(pair: Sequence[float]) -> tuple[float, float] | None:
    latitude, longitude = pair
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(a - b) <= SAME_DEGREES for a, b in zip(one, other, strict=True))
