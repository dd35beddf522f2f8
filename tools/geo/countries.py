"""Finds the country at a point and the country that a name means, and land and sea; offline.

Borders are Natural Earth's at 1:10 million, true to about half a kilometer. tools/data/countries.md
says where they come from and how disputed places are filed. Names load in 8 ms, borders in 0.1 s.

A cell of the grid is settled once, when a point first falls into it, and only where every point in
it has the same answer as `countries_at` would give. 0.2 degrees first, then 0.02.
"""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.tools.errors import RegionError
from geofix.tools.geo.borders import GRID_DEGREES, KM_A_DEGREE, borders, read_table
from geofix.tools.geo.distance import Box, FloatArray, check_coordinates, split_box
from geofix.tools.once import once

COAST_KM = 20.0
"""A photo from a ferry or a reef is filed under the coast it is this close to."""

PIER_KM = 2.0
"""Piers, moles and new land reach this far past a coast drawn at 1:10 million."""

WIDEST_TOLERANCE_KM = 100.0
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
        raise RegionError(
            f"{there.size} latitudes and {meridians.size} longitudes cannot be paired"
        )
    if not 0 <= tolerance_km <= WIDEST_TOLERANCE_KM:
        raise RegionError(
            f"tolerance {tolerance_km!r} km is not between 0 and {WIDEST_TOLERANCE_KM:g} km"
        )
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
        f"unknown country {text!r}; similar names are: {names}. For a region smaller than a"
        " country write LAT,LON,KM, such as 48.86,2.35,50"
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
            f"unknown country code {code!r}; give an ISO 3166-1 alpha-2 code in capitals, such"
            " as 'FR'"
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


def country_reaches(code: str, boxes: Sequence[Box]) -> bool:
    """Whether a country, with the sea within `COAST_KM`, reaches into one of some boxes.

    Args:
        code: Alpha-2.
        boxes: None of them crosses the antimeridian.
    """
    import shapely  # noqa: PLC0415  see `Borders.__init__`

    wide = [part for box in boxes for part in _widened(box)]
    known = borders()
    _, parts = known.tree.query(
        [shapely.box(box.west, box.south, box.east, box.north) for box in wide],
        predicate="intersects",
    )
    return any(known.codes[owner] == code for owner in set(known.owner[parts].tolist()))


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


STEPS_DEGREES = (0.2, 0.02)
"""Sides of the cells: half a diagonal of the larger has to stay below `COAST_KM`."""

NORTHERNMOST = 80.0
"""Nearer to a pole a degree of longitude is too short for the planes below."""

EASTERNMOST = 178.0
"""Nearer to the antimeridian, reach would have to go around it."""

SLACK = 0.998
"""Factor on `COAST_KM` that allows for rounding and for the curvature of 20 km."""

EDGE_DEGREES = 1e-6
"""Points on the edge of a cell belong to it, whatever rounding does to them."""

NOBODY, MIXED = -1, -2
"""Marks of grid cells: at sea, and undecided, where the borders have to be checked."""


def countries_of(latitudes: ArrayLike, longitudes: ArrayLike) -> list[str | None]:
    """Give what `countries_at` gives, sooner.

    Args:
        latitudes: Degrees, shape (n,).
        longitudes: Degrees, shape (n,).

    Raises:
        RegionError: The arrays differ in length, or a point is none.
    """
    there = np.atleast_1d(np.asarray(latitudes, dtype=np.float64))
    meridians = np.atleast_1d(np.asarray(longitudes, dtype=np.float64))
    if there.shape != meridians.shape:
        return countries_at(there, meridians)
    owner = np.full(there.shape, MIXED)
    # Also false for NaN.
    easy = (np.abs(there) < NORTHERNMOST) & (np.abs(meridians) < EASTERNMOST)
    for grid in _grids():
        left = np.flatnonzero(easy & (owner == MIXED))
        if left.size:
            owner[left] = grid.owners(there[left], meridians[left])
    names = [*borders().codes, None, None]
    found = [names[index] for index in owner.tolist()]
    rest = np.flatnonzero(owner == MIXED)
    if rest.size:
        slow = countries_at(there[rest], meridians[rest])
        for index, code in zip(rest.tolist(), slow, strict=True):
            found[index] = code
    return found


class Grid:
    """Cells of one size, with whose they are."""

    def __init__(self, step_degrees: float) -> None:
        """Know nothing yet."""
        self._step = step_degrees
        self._columns = math.ceil(360 / step_degrees) + 1
        self._known: dict[int, int] = {}

    def owners(self, latitudes: FloatArray, longitudes: FloatArray) -> NDArray[np.int64]:
        """Row of the country at each point, `NOBODY` or `MIXED`."""
        rows = np.floor((latitudes + 90) / self._step).astype(np.int64)
        columns = np.floor((longitudes + 180) / self._step).astype(np.int64)
        cells, where = np.unique(rows * self._columns + columns, return_inverse=True)
        named = cells.tolist()
        new = [cell for cell in named if cell not in self._known]
        if new:
            self._known.update(zip(new, self._settle(np.array(new)).tolist(), strict=True))
        found = np.fromiter(map(self._known.__getitem__, named), np.int64, len(named))
        return found[where]

    def _settle(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        rows, columns = np.divmod(cells, self._columns)
        south = np.asarray(rows * self._step - 90, dtype=np.float64)
        west = np.asarray(columns * self._step - 180, dtype=np.float64)
        near = self._only_one_in_reach(south, west)
        border = np.flatnonzero(near == MIXED)
        near[border] = self._wholly_inside(south[border], west[border])
        return near

    def _only_one_in_reach(self, south: FloatArray, west: FloatArray) -> NDArray[np.int64]:
        """Settle cells where no border is near, and all of the cell is near the one country.

        What a point outside all countries is given is the nearest within `COAST_KM`: where only
        one is in reach of any point of the cell, and reaches all of it, there is no choice.
        """
        import shapely  # noqa: PLC0415  see `Borders.__init__`

        reach = COAST_KM / KM_A_DEGREE
        poleward = np.maximum(np.abs(south), np.abs(south + self._step))
        # The half width of a circle on the sphere, which the plane's `reach / cos` is just below.
        slimmest = np.cos(np.radians(poleward + reach))
        wide = np.degrees(np.arcsin(np.sin(np.radians(reach)) / slimmest))
        cells, parts = borders().tree.query(
            self._boxes(south, west, reach, wide), predicate="intersects"
        )
        least, most = self._range_of_owners(len(south), cells, parts)
        middle = np.asarray(shapely.points(west + self._step / 2, south + self._step / 2))
        apart = np.full(len(south), np.inf)
        # In plain degrees: on the plane, where longitudes shrink, it is less.
        np.minimum.at(apart, cells, shapely.distance(middle[cells], borders().parts[parts]))
        all_near = apart + self._step / math.sqrt(2) <= reach * SLACK
        return np.where(most < 0, NOBODY, np.where((least == most) & all_near, most, MIXED))

    def _wholly_inside(self, south: FloatArray, west: FloatArray) -> NDArray[np.int64]:
        """Settle cells that a part of one country covers and no other touches."""
        import shapely  # noqa: PLC0415  see `Borders.__init__`

        boxes = self._boxes(south, west, EDGE_DEGREES, EDGE_DEGREES)
        cells, parts = borders().tree.query(boxes, predicate="intersects")
        least, most = self._range_of_owners(len(south), cells, parts)
        covered = np.zeros(len(south), dtype=bool)
        covering = shapely.covers(borders().parts[parts], boxes[cells])
        np.logical_or.at(covered, cells, covering)
        return np.where(covered & (least == most), most, MIXED)

    def _boxes(
        self, south: FloatArray, west: FloatArray, up: float, aside: FloatArray | float
    ) -> NDArray[np.object_]:
        import shapely  # noqa: PLC0415  see `Borders.__init__`

        north, east = south + self._step, west + self._step
        boxes: NDArray[np.object_] = shapely.box(west - aside, south - up, east + aside, north + up)
        return boxes

    def _range_of_owners(
        self, count: int, cells: NDArray[np.int64], parts: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lowest and highest row among the countries of each cell; -1 as the highest of none."""
        owners = borders().owner[parts]
        least, most = np.full(count, len(borders().codes)), np.full(count, -1)
        np.minimum.at(least, cells, owners)
        np.maximum.at(most, cells, owners)
        return least, most


@once
def _grids() -> tuple[Grid, ...]:
    """The grids, which fill as they are asked."""
    return tuple(Grid(step) for step in STEPS_DEGREES)
