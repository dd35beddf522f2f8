"""How spots lie: GeoCLIP's places, photos along the streets of cities, walks through a district.

Training and test worlds share no place: the Earth is cut into cells of 5 degrees like a chessboard,
and one takes the white cells, the other the black.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geofix.evaluation.worlds.looks import (
    Spots,
    centred,
    field,
    geography,
    read_places,
)
from geofix.tools.encoders.geoclip_places import GeoclipPlaces
from geofix.tools.geo.countries import countries_at
from geofix.tools.geo.distance import haversine_km

Half = Literal["train", "test"]

CELL_DEGREES = 5.0
APART_KM = 300.0
"""Cities of one world are at least this far from each other."""

NEVER_FITTED = 60
"""How many of GeoCLIP's places a city's centre has within 10 km."""

DEGREE_KM = 111.195

WORLD_FIELD = (3.0, 0.3)
"""Length in km, and share of a spot's signature, of what differs between parts of a city."""

CITY_FIELD = (0.35, 0.5)
"""The same of what differs between a city's quarters."""

VIEW_FIELD = (0.022, 0.6)
"""The same of what a camera sees in a street; the other way along the street is another view."""


def cells(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the cell of 5 degrees each place lies in, `[n]`."""
    row = np.floor((latitude + 90) / CELL_DEGREES).astype(np.int64)
    column = np.floor((longitude + 180) / CELL_DEGREES).astype(np.int64)
    return row * 72 + column


def in_half(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], half: Half
) -> NDArray[np.bool_]:
    """Say of each place whether it lies in a half of the chessboard, `[n]`."""
    cell = cells(latitude, longitude)
    dark = np.asarray((cell // 72 + cell % 72) % 2 == 1, np.bool_)
    return dark if half == "test" else np.logical_not(dark)


def world_spots(half: Half, count: int, seed: int) -> Spots:
    """Return places all over the Earth, a half of it, as GeoCLIP's gallery has them."""
    places = read_places()
    mine = np.flatnonzero(in_half(places.latitude, places.longitude, half))
    # Twins would be found at no distance at all; photos of one spot are elsewhere enough.
    _, first = np.unique(
        np.column_stack([places.latitude, places.longitude])[mine], axis=0, return_index=True
    )
    mine = mine[np.sort(first)]
    taken = np.random.default_rng(seed).permutation(mine)[:count]
    latitude, longitude = places.latitude[taken], places.longitude[taken]
    none = np.zeros(len(taken), np.int64)
    there = centred(places.vectors[taken])
    cell = cells(latitude, longitude)
    return _signed(latitude, longitude, cell, none - 1, none, there, WORLD_FIELD, seed)


def city_spots(half: Half, cities: int, photos: int, seed: int) -> Spots:
    """Return photos along the streets of some cities, about `photos` in each, all on land."""
    rng = np.random.default_rng(seed)
    north, east, city = [], [], []
    for at in range(cities):
        streets = 2 + photos // 25
        grid = rng.uniform(0, np.pi / 2)
        angle = grid + rng.integers(0, 2, streets) * np.pi / 2 + rng.normal(0, 0.1, streets)
        middle = rng.normal(0, 4.0, (streets, 2))
        length_km = rng.lognormal(np.log(1.5), 0.6, streets)
        street = rng.integers(0, streets, photos)
        along = (rng.random(photos) - 0.5) * length_km[street]
        north.append(middle[street, 0] + along * np.sin(angle[street]))
        east.append(middle[street, 1] + along * np.cos(angle[street]))
        city.append(np.full(photos, at))
    centres = city_centres(half, cities, rng)
    which = np.concatenate(city)
    latitude, longitude = _around(centres[which], np.concatenate(north), np.concatenate(east))
    dry = np.array([code is not None for code in countries_at(latitude, longitude, tolerance_km=0)])
    none = np.zeros(int(dry.sum()), np.int64)
    latitude, longitude = latitude[dry], longitude[dry]
    there = geography(latitude, longitude)
    return _signed(latitude, longitude, which[dry], none - 1, none, there, CITY_FIELD, seed)


def street_spots(half: Half, cities: int, walks: int, seed: int) -> Spots:
    """Return walks along the 12 streets of a district of 600 m, one district a city.

    A photo is taken every 10 to 30 m; `walks` go along each street, one way or the other.
    """
    rng = np.random.default_rng(seed)
    columns: list[NDArray[np.float64]] = []
    for at in range(cities):
        turn = rng.uniform(0, np.pi / 2)
        for street in range(12):
            across_km = 0.1 * (street % 6 - 2.5) + rng.normal(0, 0.008)
            for walk in range(walks):
                along = np.cumsum(rng.uniform(0.010, 0.030, 60)) - 0.3
                along = along[along < 0.3]
                lane = across_km + rng.normal(0, 0.003, len(along))
                angle = turn + (street // 6) * np.pi / 2
                north = along * np.sin(angle) + lane * np.cos(angle)
                east = along * np.cos(angle) - lane * np.sin(angle)
                number = (at * 12 + street) * walks + walk
                ones = np.ones(len(along))
                way = ones * int(rng.integers(0, 2))
                columns.append(np.stack([north, east, at * ones, number * ones, way]))
    north, east, city, sequence, heading = np.hstack(columns)
    which = city.astype(np.int64)
    centres = city_centres(half, cities, rng)
    latitude, longitude = _around(centres[which], north, east)
    return _signed(
        latitude,
        longitude,
        which,
        sequence.astype(np.int64),
        heading.astype(np.int64),
        geography(latitude, longitude),
        VIEW_FIELD,
        seed,
    )


def city_centres(half: Half, cities: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return latitude and longitude of some of the Earth's crowded places, `[cities, 2]`.

    Raises:
        ValueError: There are not as many, so far apart.
    """
    places = read_places()
    mine = np.flatnonzero(in_half(places.latitude, places.longitude, half))
    found: list[int] = []
    for at in rng.permutation(mine)[:4000].tolist():
        if all(_apart_km(places, at, other) > APART_KM for other in found) and _crowded(places, at):
            found.append(at)
            if len(found) == cities:
                return np.column_stack([places.latitude[found], places.longitude[found]])
    raise ValueError(f"{cities!r} cities are more than the {len(found)} there are; take fewer")


def _signed(
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    group: NDArray[np.int64],
    sequence: NDArray[np.int64],
    heading: NDArray[np.int64],
    there: NDArray[np.float32],
    local: tuple[float, float],
    seed: int,
) -> Spots:
    length_km, share = local
    views = [field(latitude, longitude, length_km, seed=seed + way) for way in (1, 2)]
    view = np.where(heading[:, None] == 0, views[0], views[1])
    signature = (1 - share) ** 0.5 * there + share**0.5 * view
    signature /= np.linalg.norm(signature, axis=1, keepdims=True)
    return Spots(latitude, longitude, group, sequence, heading, signature.astype(np.float32))


def _around(
    centre: NDArray[np.float64], north_km: NDArray[np.float64], east_km: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    latitude = centre[:, 0] + north_km / DEGREE_KM
    longitude = centre[:, 1] + east_km / (DEGREE_KM * np.cos(np.radians(centre[:, 0])))
    return latitude, (longitude + 180) % 360 - 180


def _apart_km(places: GeoclipPlaces, a: int, b: int) -> float:
    return float(
        haversine_km(
            places.latitude[a], places.longitude[a], places.latitude[b], places.longitude[b]
        )
    )


def _crowded(places: GeoclipPlaces, at: int) -> bool:
    near = haversine_km(
        places.latitude[at], places.longitude[at], places.latitude, places.longitude
    )
    return int((near <= 10).sum()) >= NEVER_FITTED
