from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, literal, select

from geofix.agent.regions import box, circle, holds, search_areas
from geofix.agent.state import Region
from geofix.db.engine import open_engine
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.search import exact as exact_scan
from geofix.db.search.area import EARTH_RADIUS_KM, Area, chord_sql
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from geofix.db.tables import EmbeddingRow
from geofix.tools.geo.countries import countries_at
from geofix.tools.geo.distance import haversine_km

EDGES = [
    (90.0, 0.0), (90.0, 77.0), (-90.0, -180.0), (0.0, 180.0), (0.0, -180.0), (-17.8, 179.999),
    (-17.8, -179.999), (-18.1, 178.4), (-16.8, -179.9), (0.0, 0.0), (89.9, 120.0), (-89.9, -45.0),
]  # fmt: skip

PLACES: NDArray[np.float64] = np.concatenate(
    [
        EDGES,
        # Even over the sphere (the sine of the latitude is), and dense around the antimeridian.
        np.random.default_rng(5).uniform([-1, -180], [1, 180], (300, 2)),
        np.random.default_rng(6).uniform([-20, 176], [-15, 184], (100, 2)),
    ]
)
PLACES[12:312, 0] = np.degrees(np.arcsin(PLACES[12:312, 0]))
PLACES[:, 1] = (PLACES[:, 1] + 180) % 360 - 180
PLACES[3, 1] = 180.0

COUNTRIES = countries_at(PLACES[:, 0], PLACES[:, 1])


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    photos = [
        GeotaggedPhoto("made", str(i), float(latitude), float(longitude), country=COUNTRIES[i])
        for i, (latitude, longitude) in enumerate(PLACES)
    ]
    Ingest(opened).add("g", "e", photos, np.tile(np.float32([0.6, 0.8]), (len(photos), 1)))
    yield opened
    opened.dispose()


def found(engine: Engine, *areas: Area) -> set[int]:
    search = Search(encoder="e", areas=areas)
    hits = Gallery(engine).nearest(np.array([1, 0], np.float32), len(PLACES) + 1, search)
    return {int(hit.external_id) for hit in hits}


def inside(latitude: float, longitude: float, radius_km: float) -> set[int]:
    distance_km = haversine_km(latitude, longitude, PLACES[:, 0], PLACES[:, 1])
    return set(np.flatnonzero(distance_km <= radius_km).tolist())


def test_a_region_gone_through_over_several_connections_holds_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[list[tuple[int, int]]] = []
    ranked = exact_scan.fetch_ranked

    def seen(connection: Connection, *described: Any) -> Any:
        within = described[-1]
        shares.append(list(zip(within["first"], within["last"], strict=True)))
        return ranked(connection, *described)

    monkeypatch.setattr(exact_scan, "ROWS_A_CONNECTION", 1)
    monkeypatch.setattr(exact_scan, "cores_of", lambda engine: 3)
    monkeypatch.setattr(exact_scan, "fetch_ranked", seen)
    assert found(engine, *search_areas(circle(-17.8, -179.5, 300.0), None)) == inside(
        -17.8, -179.5, 300.0
    )
    assert len(shares) == 3
    assert len({span for share in shares for span in share}) == sum(map(len, shares))


@pytest.mark.parametrize(
    ("latitude", "longitude", "radius_km"),
    [
        (-17.8, 178.0, 300.0),
        (-17.8, -179.5, 300.0),
        (0.0, 180.0, 50.0),
        (0.0, -180.0, 50.0),
        (89.5, 30.0, 500.0),
        (90.0, 0.0, 12.0),
        (-89.0, -170.0, 2000.0),
        (10.0, 20.0, 12_000.0),
        (10.0, 20.0, 20_015.0),
    ],
    ids=[
        "Fiji from the west", "Fiji from the east", "on the antimeridian", "on its other side",
        "holds the north pole", "is at the pole", "holds the south pole", "beyond a hemisphere",
        "the whole Earth",
    ],
)  # fmt: skip
def test_a_circle_holds_exactly_the_photos_numpy_says(
    engine: Engine, latitude: float, longitude: float, radius_km: float
) -> None:
    expected = inside(latitude, longitude, radius_km)
    assert expected
    assert found(engine, *search_areas(circle(latitude, longitude, radius_km), None)) == expected


def test_circles_of_all_sizes_anywhere_agree_with_numpy(engine: Engine) -> None:
    rng = np.random.default_rng(9)
    sizes = []
    for _ in range(60):
        latitude = float(np.degrees(np.arcsin(rng.uniform(-1, 1))))
        longitude, radius_km = float(rng.uniform(-180, 180)), float(10 ** rng.uniform(1.5, 4.3))
        (area,) = search_areas(circle(latitude, longitude, radius_km), None)
        expected = inside(latitude, longitude, radius_km)
        assert found(engine, area) == expected, (latitude, longitude, radius_km)
        sizes.append(len(expected))
    assert min(sizes) < 5 < 300 < max(sizes)


def test_the_circle_is_exact_also_without_its_boxes_and_smaller_than_they(engine: Engine) -> None:
    (area,) = search_areas(circle(-17.8, 178.0, 300.0), None)
    assert len(area.boxes) == 2
    boxes_alone = found(engine, Area(boxes=area.boxes))
    circle_alone = found(engine, Area(latitude=-17.8, longitude=178.0, radius_km=300.0))
    assert circle_alone == found(engine, area) < boxes_alone


@pytest.mark.parametrize(
    ("south", "west", "north", "east"),
    [
        (-19.0, 177.0, -16.0, -178.0),
        (-19.0, 177.0, -16.0, 180.0),
        (-1.0, -180.0, 1.0, -90.0),
        (-19.0, -178.0, -16.0, 177.0),
        (-30.0, 20.0, 40.0, 60.0),
        (80.0, 10.0, 90.0, 20.0),
        (-90.0, -180.0, 90.0, 180.0),
    ],
    ids=[
        "across the antimeridian", "up to it", "from it", "all but Fiji", "no edge", "with a pole",
        "the whole Earth",
    ],
)  # fmt: skip
def test_a_box_holds_exactly_the_photos_numpy_says(
    engine: Engine, south: float, west: float, north: float, east: float
) -> None:
    latitudes, longitudes = PLACES.T
    # East of the west by less than the box is wide; a pole lies under every meridian.
    wide = (east - west) % 360 or 360
    under = ((longitudes - west) % 360 <= wide) | (np.abs(latitudes) == 90)
    expected = set(np.flatnonzero((south <= latitudes) & (latitudes <= north) & under).tolist())
    assert expected
    region = box(south, west, north, east)
    assert found(engine, *search_areas(region, None)) == expected
    held = [i for i, place in enumerate(PLACES.tolist()) if holds(region, *place)]
    assert set(held) == expected


def test_a_box_and_a_circle_and_a_country_overlap(engine: Engine) -> None:
    fiji = box(-19.0, 177.0, -16.0, -178.0).model_copy(update={"country_code": "FJ"})
    west = circle(-17.8, 178.0, 300.0)
    both = {
        i
        for i in inside(-17.8, 178.0, 300.0)
        if COUNTRIES[i] == "FJ" and holds(fiji, *PLACES[i].tolist())
    }
    assert 0 < len(both) < len(inside(-17.8, 178.0, 300.0))
    assert found(engine, *search_areas(west, fiji)) == both


def test_a_country_is_a_filter_on_its_code(engine: Engine) -> None:
    fiji = Region(country_code="FJ", name="Fiji")
    expected = {i for i, country in enumerate(COUNTRIES) if country == "FJ"}
    assert len(expected) > 5
    assert found(engine, *search_areas(fiji, None)) == expected
    assert found(engine, Area(country="XX")) == set()


def test_several_areas_overlap(engine: Engine) -> None:
    fiji = Region(country_code="FJ", name="Fiji")
    west, east = circle(-17.8, 178.0, 300.0), circle(-17.8, -179.5, 300.0)
    both = inside(-17.8, 178.0, 300.0) & inside(-17.8, -179.5, 300.0)
    assert found(engine, *search_areas(west, east)) == both
    of_fiji = {i for i in both if COUNTRIES[i] == "FJ"}
    assert 0 < len(of_fiji) < len(both)
    areas = (*search_areas(west, fiji), *search_areas(east, None))
    assert found(engine, *areas) == of_fiji


def test_no_area_is_everywhere(engine: Engine) -> None:
    assert search_areas(None, None) == ()
    assert len(found(engine)) == len(PLACES)


def test_the_haversine_in_sql_is_the_one_in_numpy(engine: Engine) -> None:
    rng = np.random.default_rng(2)
    centers = [*EDGES, *rng.uniform([-90, -180], [90, 180], (30, 2)).tolist()]
    with engine.connect() as connection:
        for latitude, longitude in centers:
            rows = EmbeddingRow.__table__
            chord = chord_sql(rows, literal(latitude), literal(longitude))
            statement = select(chord).order_by(rows.c.photo_id)
            chords = np.array(connection.execute(statement).scalars().all())
            in_sql = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, chords)))
            in_numpy = haversine_km(latitude, longitude, PLACES[:, 0], PLACES[:, 1])
            # asin loses digits next to the antipode: 0.2 m there, a micrometer elsewhere.
            np.testing.assert_allclose(in_sql, in_numpy, rtol=0, atol=5e-4)
            near = in_numpy < 19_000
            np.testing.assert_allclose(in_sql[near], in_numpy[near], rtol=1e-9, atol=1e-9)
