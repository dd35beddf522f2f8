"""Name the place at a point, offline, from GeoNames.

tools/data/places.md says where the names come from.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.tools.geo.borders import KM_A_DEGREE
from geofix.tools.geo.countries import countries_at, country_named
from geofix.tools.geo.distance import FloatArray, haversine_km
from geofix.tools.once import once
from geofix.tools.statistics import PLACE_KM

CITY_DENSITY = 8_000.0
"""Inhabitants per square kilometer, to estimate a city's radius from its population. It gives Paris
9.2 km, New York 18.7 km and Berlin 11.7 km, which is about right."""

WIDEST_CITY_KM = 20.0
"""Maximum radius of a city, since GeoNames has municipalities of 20 million inhabitants."""

SAME_COUNTRY_KM = 100.0
"""Within this distance, a city in the point's country is preferred to a nearer one abroad."""

FARTHEST_CITY_KM = 500.0
"""Maximum distance of the city that names a point."""

SEARCH_KM = (WIDEST_CITY_KM, SAME_COUNTRY_KM, FARTHEST_CITY_KM)

GRID_DEGREES = 1e-5
"""Step of the grid that GeoNames' coordinates lie on."""

SEPARATOR = "\n"
"""Stands between the names of the data file."""


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A city, town or village, and its distance from a point."""

    name: str | None
    """None on land with no city within `FARTHEST_CITY_KM`, as in Antarctica."""

    admin: str | None
    """State, region or province, where GeoNames has one."""

    country_code: str
    """ISO 3166-1 alpha-2 of the country the named place is in."""

    country: str
    """Its common English name."""

    distance_km: float
    """From the point to the place's center; 0 where there is no name."""

    def __str__(self) -> str:
        """Return `describe()`."""
        return self.describe()

    def describe(self) -> str:
        """Return 'Paris, Île-de-France, France' or '87 km from Nuuk, Sermersooq, Greenland'."""
        parts = [self.name, self.admin, self.country]
        kept = [part for index, part in enumerate(parts) if part and part not in parts[:index]]
        away = f"{self.distance_km:.0f} km from " if self.distance_km > PLACE_KM else ""
        return away + ", ".join(kept)


@dataclass(frozen=True, slots=True)
class City:
    """A city, town or village, as found by its name."""

    name: str
    admin: str | None
    """State, region or province, where GeoNames has one."""
    country: str
    """Its common English name."""
    latitude: float
    longitude: float
    extent_km: float
    """Estimated radius, see `CITY_DENSITY`."""

    def describe(self) -> str:
        """Return 'Lisbon, Portugal' or 'Paris, Île-de-France, France'."""
        parts = [self.name, self.admin, self.country]
        return ", ".join(dict.fromkeys(part for part in parts if part))


def city_called(text: str) -> City | None:
    """Return the most populous city of a name; None if there is none.

    Args:
        text: A city's name as GeoNames has it in English, such as `Lisbon`. After a comma its
            state or country may follow: `Paris, Texas`, `Lisbon, PT`. Case and accents do not
            matter.
    """
    name, *rest = [_plain(part.strip()) for part in text.split(",")]
    cities = _cities()
    found = []
    for row in cities.named(name):
        its_name, admin, code = cities.read(row)
        country = country_named(code)
        known = {_plain(admin), _plain(code), _plain(country.name)}
        if all(part in known for part in rest):
            found.append((row, City(its_name, admin or None, country.name, *cities.at(row))))
    return max(found, key=lambda pair: cities.population[pair[0]], default=(0, None))[1]


def _plain(text: str) -> str:
    """Return text in small letters without accents."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()


def place_at(latitude: float, longitude: float) -> NamedPlace | None:
    """Return the place at a point.

    This is the nearest city, or the most populous city of the same state whose disc (of
    `CITY_DENSITY`) contains the point. So a district of Paris is Paris, and Jersey City is not New
    York; close suburbs such as Saint-Denis get the name of the large city. Cities in the point's
    country are preferred if one is within 100 km.

    Returns:
        None at sea with no city within 500 km; on land, a place without a name.

    Raises:
        RegionError: The coordinates are invalid.
    """
    return places_at([latitude], [longitude])[0]


def places_at(latitudes: ArrayLike, longitudes: ArrayLike) -> list[NamedPlace | None]:
    """Return `place_at` of points of shape (n,); about 0.3 ms each.

    Raises:
        RegionError: The arrays differ in length, or coordinates are invalid.
    """
    codes = countries_at(latitudes, longitudes)
    there = np.atleast_1d(np.asarray(latitudes, dtype=np.float64)).tolist()
    meridians = np.atleast_1d(np.asarray(longitudes, dtype=np.float64)).tolist()
    return [_place(*point) for point in zip(there, meridians, codes, strict=True)]


def _place(latitude: float, longitude: float, code: str | None) -> NamedPlace | None:
    cities = _cities()
    rows, apart_km = cities.around(latitude, longitude, code)
    if len(rows) == 0:
        return None if code is None else NamedPlace(None, None, code, country_named(code).name, 0.0)
    nearest = int(rows[np.argmin(apart_km)])
    same_state = cities.state[rows] == cities.state[nearest]
    covers = rows[same_state & (apart_km <= cities.extent_km[rows])]
    if len(covers):
        nearest = int(covers[np.argmax(cities.population[covers])])
    name, admin, its_code = cities.read(nearest)
    apart = haversine_km(latitude, longitude, cities.latitude[nearest], cities.longitude[nearest])
    return NamedPlace(name, admin or None, its_code, country_named(its_code).name, float(apart))


class _Cities:
    """GeoNames' cities1000 in the order of latitude; only the names asked for are decoded."""

    def __init__(self) -> None:
        source = resources.files("geofix.tools.data") / "places.npz"
        with source.open("rb") as stream, np.load(stream) as table:
            self.latitude = _degrees(np.cumsum(table["steps"]))
            self.longitude = _degrees(table["longitudes"])
            self.population = table["populations"]
            self.state = table["state_rows"]
            self._codes: list[str] = table["codes"].tolist()
            self._states = table["states"].tobytes().decode().split(SEPARATOR)
            names = table["names"]
        self.code = np.array(self._codes)[self.state]
        self.extent_km = np.minimum(
            np.sqrt(self.population / (math.pi * CITY_DENSITY)), WIDEST_CITY_KM
        )
        self._names = names.tobytes()
        self._ends = [*np.flatnonzero(names == ord(SEPARATOR)).tolist(), len(names)]

    def read(self, row: int) -> tuple[str, str, str]:
        """Name, state, and code of the country of one city; the state may be empty."""
        start = self._ends[row - 1] + 1 if row else 0
        name = self._names[start : self._ends[row]].decode()
        state = int(self.state[row])
        return name, self._states[state], self._codes[state]

    def named(self, name: str) -> list[int]:
        """Rows of the cities of a name, both as `_plain` has it."""
        if not name or SEPARATOR in name:
            return []
        names = _plain(self._names.decode()).split(SEPARATOR)
        return [row for row, its_name in enumerate(names) if its_name == name]

    def at(self, row: int) -> tuple[float, float, float]:
        """Latitude, longitude and radius of one city."""
        latitude, longitude = float(self.latitude[row]), float(self.longitude[row])
        return latitude, longitude, float(self.extent_km[row])

    def around(
        self, latitude: float, longitude: float, code: str | None
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Rows and distances in the smallest of `SEARCH_KM` that settles which is nearest."""
        rows, apart_km = np.empty(0, np.int64), np.empty(0)
        for reach_km in SEARCH_KM:
            rows, apart_km = self._within(latitude, longitude, reach_km)
            if code is not None and reach_km <= SAME_COUNTRY_KM:
                mine = self.code[rows] == code
                if mine.any():
                    return rows[mine], apart_km[mine]
            elif len(rows):
                break
        return rows, apart_km

    def _within(
        self, latitude: float, longitude: float, reach_km: float
    ) -> tuple[NDArray[np.int64], FloatArray]:
        # A band of latitude is a slice of the order, and right at the antimeridian and the poles.
        # It takes 0.3 ms; a k-d tree 57 ms to build, and 0.4 s to import scipy for it.
        reach = reach_km / KM_A_DEGREE
        first, last = np.searchsorted(self.latitude, [latitude - reach, latitude + reach])
        band = slice(int(first), int(last))
        apart_km = haversine_km(latitude, longitude, self.latitude[band], self.longitude[band])
        near = np.flatnonzero(apart_km <= reach_km)
        return near + band.start, apart_km[near]


def _degrees(grid: NDArray[np.int64]) -> FloatArray:
    # Divided, not multiplied by the step, which would miss the decimal number by a bit.
    degrees: FloatArray = grid / round(1 / GRID_DEGREES)
    return degrees


@once
def _cities() -> _Cities:
    return _Cities()
