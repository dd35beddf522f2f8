"""Reads one coordinate in the forms that people and models write: decimal, DMS, with a letter."""

from __future__ import annotations

import re
from typing import Literal

Axis = Literal["latitude", "longitude"]

DIRECTION_SIGNS = {"N": 1, "S": -1, "E": 1, "W": -1}

LETTERS = {"latitude": "NS", "longitude": "EW"}

UNKNOWN_WORDS = frozenset({"", "null", "none", "unknown", "n/a", "nan"})
"""Texts that stand for an unknown number."""

LONGEST_COORDINATE = 40
"""Maximum length of a coordinate; DMS with decimals, a sign and a word takes less than 30."""

# Every repetition is possessive and every part that may be missing takes its spaces along, so that
# a text can be read in one way only: nothing is tried twice, however long the text is.
NUMBER = r"\d++(?:[.,]\d++)?+"

WRITTEN = re.compile(
    rf"""
    (?:(?P<before>[NSEW])\s*+)?
    (?:(?P<sign>[+\-\u2212])\s*+)?
    (?P<degrees>{NUMBER})\s*+
    (?:
        (?:[°º]|deg(?:rees)?)\s*+
        (?:(?P<minutes>{NUMBER})\s*+['\u2032\u2019]\s*+)?
        (?:(?P<seconds>{NUMBER})\s*+(?:"|\u2033|\u201d|'')\s*+)?
    )?
    (?P<after>[NSEW]|north|south|east|west)?
    """,
    re.VERBOSE | re.IGNORECASE,
)


def read_degrees(text: str, axis: Axis) -> float | None:
    """Return decimal degrees, north and east positive; none if the text means unknown.

    It reads `48.8566`, `48`, `48,8566`, `2.35 W`, `S 33.87` and `48°51'30"N`. The caller checks the
    range.

    Raises:
        ValueError: The text is not a coordinate, is longer than 40 characters, has the other axis's
            letter (then the two are swapped), or both a sign and a letter.
    """
    plain = text.strip()
    shown = repr(plain[:LONGEST_COORDINATE])
    if len(plain) > LONGEST_COORDINATE:
        raise ValueError(
            f"{shown}... ({len(plain)} characters) is not a {axis}; give one number in decimal"
            " degrees"
        )
    if plain.casefold() in UNKNOWN_WORDS:
        return None
    found = WRITTEN.fullmatch(plain)
    if found is None:
        raise ValueError(f"{shown} is not a {axis}; give one number in decimal degrees")
    letters = [found[name][0].upper() for name in ("before", "after") if found[name]]
    if any(letter not in LETTERS[axis] for letter in letters):
        raise ValueError(f"{shown} is not a {axis}; latitude and longitude are swapped")
    if len(letters) > 1 or (letters and found["sign"]):
        raise ValueError(
            f"{shown} has both a sign and a letter for its direction, or two letters; give"
            " one number in decimal degrees"
        )
    minutes, seconds = _number(found["minutes"]), _number(found["seconds"])
    if minutes >= 60 or seconds >= 60:
        raise ValueError(f"{shown} has 60 or more minutes or seconds; give decimal degrees")
    size = _number(found["degrees"]) + minutes / 60 + seconds / 3600
    negative = found["sign"] in {"-", "\u2212"} or any(
        DIRECTION_SIGNS[letter] < 0 for letter in letters
    )
    return -size if negative else size


def _number(text: str | None) -> float:
    return 0.0 if text is None else float(text.replace(",", "."))
