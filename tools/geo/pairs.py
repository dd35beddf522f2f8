"""Finds the one pair of coordinates in a text: `55.7012, 13.1931`, DMS, `lat: 55.7 lon: 13.19`.

A text with two different pairs gives none, and neither does one whose letters and labels contradict
each other. Nothing is guessed: what stands for an axis is its label, its letter, or the order of
two numbers with decimals that stand next to each other. Such bare numbers are coordinates only
where they have three decimals, a word says so, or nothing else is said: prices and scores look the
same. A range is not read, nor a place that the text denies, nor a number whose dash may be a minus.
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

ROUNDED_DEGREES = 0.01
"""A pair this close to another may be the same, with two decimals."""

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
    (?P<sign>(?<![\w.])[+\-\u2010-\u2015\u2212\ufe63\uff0d]\s?)?
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

_DECIMAL_COMMA = re.compile(r"\d,\d{4}")
"""With three digits behind it a comma may stand between thousands."""

_TWO = re.compile(r"[.,]\d{2}")
_EXACT = re.compile(r"[.,]\d{3}")
"""Decimals that prices, scores, times and sizes seldom have."""

_CUE = re.compile(
    r"(?:coord|\bgps|\bgeo:|wgs|locat|position|\bpoint|\bplace|answer|guess|estimate|boxed|[?&]q=)"
    r"[^.;!?\d]{0,30}$",
    re.IGNORECASE,
)
"""What announces coordinates, right before them."""

_WORD = re.compile(r"[^\W\d_]{2}")

_MEASURED = re.compile(
    r"\s?(?:[%\u20ac\u00a3\u00a5]|(?:percent|[cmk]?m|miles?|ft|feet|px|fps|met(?:er|re)s?"
    r"|kilomet(?:er|re)s?|usd|eur|euros?|people|inhabitants)\b)",
    re.IGNORECASE,
)
"""A unit that no coordinate has."""

_LONGITUDE_FIRST = re.compile(r"\bPOINT\s{0,3}\(\s{0,3}$", re.IGNORECASE)
"""Well-known text has the other order."""

_ORDER = re.compile(
    r"\blat(?:itude)?\s{0,3}(?:[,/]|and)\s{0,3}(?:longitude|long|lon|lng)\b", re.IGNORECASE
)
"""Says in which order both come; it is no label of one of them."""

_DASH = r"[\-\u2010-\u2015]"
_RANGE_ON = re.compile(
    rf"\s?[°º]?(?:{_DASH}\s{{0,3}}|\s{{1,3}}{_DASH}\s{{1,3}}|\s{{0,3}}to\s{{1,3}})\d"
)
_RANGE_BACK = re.compile(
    rf"\d\s?[°º]?(?:\s{{0,3}}to\s{{1,3}}|{_DASH}\s{{0,3}}|\s{{1,3}}{_DASH}\s{{1,3}})$"
)

_OR_BACK = re.compile(r"\d\s?[°º]?\s{1,3}(?:and|or)\s{1,3}$")
_ENDS = re.compile(rf"\s{{0,3}}(?:{_DASH}|to|and|or)\s{{0,3}}[NSEW]?\s{{0,3}}", re.IGNORECASE)
"""What may stand between the ends of a range that have letters."""

_MINUS_SIGNS = "\u2212\ufe63\uff0d"
_LONG_DASHES = "\u2014\u2015"
_BEFORE_MINUS = re.compile(r"[,;:=(\[|/]\s{0,3}$")
"""What a hyphen that a space follows is a minus behind. Elsewhere it may be a dash or a bullet."""

_NO = r"(?:not|isn't|wasn't|cannot be|can't be|rather than|instead of|unlike|rule[sd]? out|e\.g\.)"
_DENIED = re.compile(
    rf"(?:\b{_NO}(?! ?(?:sure|certain|exact|possible|precise|clear|only|able))"
    r"|\b(?:for example|for instance|such as|format)\b)(?:(?!\bbut\b)[^.!?;\n]){0,40}$",
    re.IGNORECASE,
)
_DENIED_ON = re.compile(
    r"[^.!?;\n\d]{0,12}?\b(?:is|are|seems?|looks?|would be|can be)(?: \w{1,12})?"
    r" (?:not|wrong|unlikely|incorrect|ruled out|excluded|impossible|too far|the format)\b",
    re.IGNORECASE,
)
"""Before and after a place that is named to be denied, or as an example."""

_SHORT = 200
"""Characters of a text that may be nothing but a pair."""

_LOOK_BACK = 80
"""Characters before a pair in which it may be announced or denied."""

_ONWARDS = re.compile(r"\s{0,3}+[,;]\s{0,3}+[+\-\u2212]?\d")
_BACKWARDS = re.compile(r"\d\s{0,3}[,;]\s{0,3}[+\-\u2212]?$")
_FLAT = str.maketrans({"\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "$": " "})


@dataclass(frozen=True, slots=True)
class _Number:
    """One number of a text that may be a coordinate."""

    axis: Axis | None
    """By its label or letter; None where it has neither."""
    degrees: float | None
    """None where label, letter and sign contradict each other, or where it is an end of a range."""
    start: int
    digits: int
    """Where its first digit stands."""
    end: int
    is_decimal: bool
    has_comma: bool
    """Whether a comma stands for the point."""


def only_pair(text: str) -> tuple[float, float] | None:
    """Return latitude and longitude, in degrees, where a text has exactly one pair of them.

    Args:
        text: In any form; of a long one the last `MOST_READ` characters are read.
    """
    # What is left of a number that the cut went through is another number.
    end = text if len(text) <= MOST_READ else text[-MOST_READ:].partition(" ")[2]
    plain = _ORDER.sub("coordinates", end.translate(_FLAT))
    numbers = [one for one in map(_number, _NUMBER.finditer(plain)) if one is not None]
    if any(one.axis is not None and one.degrees is None for one in numbers):
        return None
    found = [
        pair for one, other in pairwise(numbers) if (pair := _pair(one, other, plain)) is not None
    ]
    if any(
        _is_range(one, other, plain) or _is_denied(one, other, plain)
        for one, other in pairwise(numbers)
    ):
        return None
    read = found[0] if found and all(_same(found[0], pair) for pair in found) else None
    if any(_is_doubtful(one, other, plain, read) for one, other in pairwise(numbers)):
        return None
    return read


def _is_range(one: _Number, other: _Number, text: str) -> bool:
    """Say whether two numbers of one axis are the ends of a range."""
    return (
        one.axis is not None
        and one.axis == other.axis
        and _ENDS.fullmatch(text, one.end, other.digits) is not None
    )


def _is_denied(one: _Number, other: _Number, text: str) -> bool:
    """Say whether a text gives two numbers as a pair only to deny it."""
    before = text[max(0, one.start - _LOOK_BACK) : one.start]
    return _pair(one, other, text) is not None and (
        _DENIED.search(before) is not None or _DENIED_ON.match(text, other.end) is not None
    )


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
    if len(axes) < 2 and len(letters) < 2 and not _is_end_of_range(found):
        degrees = _degrees(found, axis or "latitude")
    has_comma, digits = "," in found["degrees"], found.start("degrees")
    return _Number(axis, degrees, found.start(), digits, found.end(), is_decimal, has_comma)


def _is_end_of_range(found: re.Match[str]) -> bool:
    text, start = found.string, found.start()
    back = (_RANGE_BACK, _OR_BACK) if found["before"] or found["after"] else (_RANGE_BACK,)
    behind = not found["label"] and any(b.search(text, max(0, start - 12), start) for b in back)
    return behind or (not found["after"] and bool(_RANGE_ON.match(text, found.end())))


def _sign(found: re.Match[str]) -> str | None:
    """Return the sign of a number; none where a dash may be one or may divide words."""
    written = (found["sign"] or "").strip()
    if written in ("", "+") or written in _MINUS_SIGNS:
        return "-" if written and written in _MINUS_SIGNS else written
    is_close = written == found["sign"] and written not in _LONG_DASHES
    start = found.start("sign")
    if is_close or _BEFORE_MINUS.search(found.string, max(0, start - 4), start):
        return "-"
    # A letter tells the direction by itself.
    return "" if found["before"] or found["after"] else None


def _degrees(found: re.Match[str], axis: Axis) -> float | None:
    letter = next((found[name][0].upper() for name in ("before", "after") if found[name]), "")
    sign = _sign(found)
    if sign is None:
        return None
    written = sign + found["degrees"]
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
    if not _may_be_pair(one, other, text):
        return None
    before = text[max(0, one.start - _LOOK_BACK) : one.start]
    if _LONGITUDE_FIRST.search(before) or not _are_coordinates(one, other, text, before):
        return None
    return _on_earth((one.degrees, other.degrees))


def _may_be_pair(one: _Number, other: _Number, text: str) -> bool:
    """Say whether two numbers without label and letter stand as coordinates do."""
    if one.axis is not None or other.axis is not None:
        return False
    if not (one.is_decimal and other.is_decimal and _beside(one, other, text)):
        return False
    # Of a longer list, such as a box, no two numbers are a pair.
    if _ONWARDS.match(text, other.end) or _BACKWARDS.search(text, max(0, one.start - 8), one.start):
        return False
    # No land lies there; similarities and shares of a picture do.
    small = [number.degrees is not None and abs(number.degrees) < 1 for number in (one, other)]
    return not all(small) and _MEASURED.match(text, other.end) is None


def _is_doubtful(one: _Number, other: _Number, text: str, pair: tuple[float, float] | None) -> bool:
    """Say whether two numbers may be another place than the pair that is read, or are no place.

    `Candidates: 48.89, 2.34 and 48.4478, 1.4877` has one pair that is told well enough, and two.
    """
    if _pair(one, other, text) is not None or not _may_be_pair(one, other, text):
        return False
    if not all(_TWO.search(text, number.digits, number.end) for number in (one, other)):
        return False
    if pair is None or one.degrees is None or other.degrees is None:
        return True
    apart = abs(one.degrees - pair[0]), abs(other.degrees - pair[1])
    return max(apart) > ROUNDED_DEGREES


def _are_coordinates(one: _Number, other: _Number, text: str, before: str) -> bool:
    """Say whether two bare numbers are told to be coordinates, or look like nothing else."""
    if all(_EXACT.search(text, number.digits, number.end) for number in (one, other)):
        return True
    if _CUE.search(before):
        return True
    return len(text) <= _SHORT and not (
        _WORD.search(text, 0, one.start) or _WORD.search(text, other.end)
    )


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
