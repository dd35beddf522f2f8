"""Which country a point is in, whether it is land, and what country a word means; all offline.

Borders are Natural Earth's at 1:10 million, true to about half a kilometer. tools/data/countries.md
says where they come from and how disputed places are filed. Names load in 8 ms, borders in 0.1 s.
"""

from __future__ import annotations

import difflib
import math
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from geofix.tools.borders import GRID_DEGREES, KM_A_DEGREE, borders, read_table
from geofix.tools.errors import RegionError
from geofix.tools.geo import Box, check_coordinates, split_box
from geofix.tools.once import once

COAST_KM = 20.0
"""A photo from a ferry or a reef is filed under the coast it is this close to."""

PIER_KM = 2.0
"""Piers, moles and new land reach this far past a coast drawn at 1:10 million."""

FARTHEST_KM = 100.0
"""Largest tolerance: past it the plane on which distance to a border is taken is too crooked."""

SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class Country:
    """An entry of ISO 3166-1, or Kosovo."""

    code: str
    """Alpha-2, such as `FR`; Kosovo has the user-assigned `XK`."""

    name: str
    """The common English name."""


def country_at(
    latitude: float, longitude: float, *, tolerance_km: float = COAST_KM
) -> Country | None:
    """The country that holds a point, else the nearest one within a tolerance.

    Raises:
        RegionError: The coordinates are none, or the tolerance is not in [0, 100].
    """
    (code,) = countries_at([latitude], [longitude], tolerance_km=tolerance_km)
    return None if code is None else country_named(code)


def is_land(latitude: float, longitude: float, *, tolerance_km: float = PIER_KM) -> bool:
    """Whether a point is on land or at most `tolerance_km` from it; lakes are land.

    Raises:
        RegionError: The coordinates are none, or the tolerance is not in [0, 100].
    """
    return country_at(latitude, longitude, tolerance_km=tolerance_km) is not None


def countries_at(
    latitudes: ArrayLike, longitudes: ArrayLike, *, tolerance_km: float = COAST_KM
) -> list[str | None]:
    """Alpha-2 code of the country at each point, None at sea.

    Args:
        latitudes: Degrees, shape (n,).
        longitudes: Degrees, shape (n,).
        tolerance_km: How far a point outside all countries may be from the one it is given.

    Raises:
        RegionError: The arrays differ in length, a point is none, or the tolerance is not in
            [0, 100].
    """
    there = np.atleast_1d(np.asarray(latitudes, dtype=np.float64))
    meridians = np.atleast_1d(np.asarray(longitudes, dtype=np.float64))
    if there.shape != meridians.shape:
        raise RegionError(f"{there.size} latitudes do not go with {meridians.size} longitudes")
    if not 0 <= tolerance_km <= FARTHEST_KM:
        raise RegionError(f"tolerance {tolerance_km!r} km is not between 0 and {FARTHEST_KM:g} km")
    good = (np.abs(there) <= 90) & (np.abs(meridians) <= 180)
    for index in np.flatnonzero(~good)[:1]:
        check_coordinates(float(there[index]), float(meridians[index]))
    return borders().codes_at(there, meridians, tolerance_km)


def find_country(text: str) -> Country:
    """The country a code (alpha-2, alpha-3), a name or a common other name means.

    Case, accents and punctuation do not matter.

    Raises:
        RegionError: There is none; the text names the three nearest.
    """
    found = known_country(text)
    if found is not None:
        return found
    words, key = _words(), _key(text)
    nearest: dict[str, None] = {}
    for close in difflib.get_close_matches(key, words, n=20, cutoff=0.0):
        nearest[words[close].name] = None
    names = ", ".join(list(nearest)[:SUGGESTIONS])
    raise RegionError(
        f"unknown country {text!r}; the nearest names are: {names};"
        " for less than a country write LAT,LON,KM, such as 48.86,2.35,50"
    )


def known_country(text: str) -> Country | None:
    """The country a text means, see `find_country`; none where it means none."""
    return _words().get(_key(text))


def country_named(code: str) -> Country:
    """The country of an alpha-2 code in capitals.

    Raises:
        RegionError: There is no such code.
    """
    try:
        return _by_code()[code]
    except KeyError:
        raise RegionError(
            f"unknown country code {code!r}; give ISO 3166-1 alpha-2 in capitals, such as 'FR'"
        ) from None


def country_boxes(code: str) -> list[Box]:
    """A few boxes that hold every point `countries_at` files under a country.

    They are widened by `COAST_KM`, and no box crosses the antimeridian.

    Raises:
        RegionError: There is no such alpha-2 code.
    """
    country_named(code)
    rows = read_table("codes", "boxes", "box_owner")
    mine = rows["boxes"][rows["codes"][rows["box_owner"]] == code]
    wide = [box for row in mine.tolist() for box in _widened(Box(*row))]
    return [box for box in wide if not any(_inside(box, other) for other in wide if other != box)]


def _widened(box: Box) -> list[Box]:
    # The grid's half step, since borders were rounded to it after the boxes were drawn.
    reach = COAST_KM / KM_A_DEGREE + GRID_DEGREES
    south, north = box.south - reach, box.north + reach
    if south <= -90 or north >= 90:
        return [Box(max(south, -90.0), -180.0, min(north, 90.0), 180.0)]
    slimmest = math.cos(math.radians(max(-south, north)))
    half = math.degrees(math.asin(min(1.0, math.sin(math.radians(reach)) / slimmest)))
    return split_box(south, box.west - half, north, box.east + half)


def _inside(box: Box, other: Box) -> bool:
    return other.contains(box.south, box.west) and other.contains(box.north, box.east)


@once
def _by_code() -> dict[str, Country]:
    rows = read_table("codes", "names")
    pairs = zip(rows["codes"].tolist(), rows["names"].tolist(), strict=True)
    return {code: Country(code, name) for code, name in pairs}


@once
def _words() -> dict[str, Country]:
    """Country by the key of everything that means it."""
    rows = read_table("codes", "alpha3", "names", "aliases", "alias_codes")
    words = {}
    for column, owner in [
        ("aliases", "alias_codes"),
        ("names", "codes"),
        ("alpha3", "codes"),
        ("codes", "codes"),
    ]:
        for word, code in zip(rows[column].tolist(), rows[owner].tolist(), strict=True):
            words[_key(word)] = _by_code()[code]
    return words


def _key(text: str) -> str:
    """Letters without case or accents, in words parted by one space."""
    plain = unicodedata.normalize("NFKD", text.replace("&", " and ")).casefold()
    kept = "".join(" " if sign in "-,/()_" else sign for sign in plain)
    return " ".join("".join(sign for sign in kept if sign.isalnum() or sign.isspace()).split())
