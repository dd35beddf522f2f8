from __future__ import annotations

import numpy as np
import pytest

from geofix.agent.regions import circle, search_areas
from geofix.db.search.area import Area
from geofix.db.search.counts import ANYWHERE, COUNT_CELL_DEGREES, CellCounts, cells_of, corners_of
from geofix.tools.geo.distance import haversine_km

RNG = np.random.default_rng(3)
PLACES = np.concatenate(
    [
        RNG.uniform([-90, -180], [90, 180], (4000, 2)),
        RNG.uniform([-20, 176], [-15, 180], (500, 2)),
        RNG.uniform([85, -180], [90, 180], (500, 2)),
    ]
)
COUNTRIES = RNG.choice(["FJ", "NZ", "ZZ"], len(PLACES))
GALLERIES = RNG.choice([1, 2, 5], len(PLACES))


def counted(latitude_longitude: np.ndarray = PLACES, *, unplaced: int = 0) -> CellCounts:
    """What the database holds of these places; `unplaced` more are of gallery 5."""
    cells = cells_of(*latitude_longitude.T)
    rows = list(zip(GALLERIES, cells, COUNTRIES, strict=False))
    keys = sorted(set(rows))
    number = {key: at for at, key in enumerate(keys)}
    photos = np.bincount([number[row] for row in rows]).tolist()
    if unplaced:
        keys.append((5, ANYWHERE, "ZZ"))
        photos.append(unplaced)
    found = np.array([key[1] for key in keys], np.int32)
    south, west = corners_of(found)
    return CellCounts(
        loads=1,
        galleries=np.array([key[0] for key in keys], np.int32),
        south=south,
        west=west,
        countries=np.array([key[2] for key in keys], np.str_),
        photos=np.array(photos, np.int64),
        placed=found != ANYWHERE,
    )


COUNTS = counted()


def inside(south: float, west: float, north: float, east: float) -> np.ndarray:
    latitude, longitude = PLACES.T
    return (south <= latitude) & (latitude <= north) & (west <= longitude) & (longitude <= east)


def test_everything_is_the_total() -> None:
    assert COUNTS.total == COUNTS.covered(None, ()) == len(PLACES)
    assert COUNTS.covered((1, 2, 5), ()) == len(PLACES)
    assert COUNTS.covered((), ()) == COUNTS.covered((7,), ()) == 0


def test_boxes_on_the_cells_borders_are_counted_exactly() -> None:
    for _ in range(50):
        south, north = np.sort(RNG.choice(721, 2, replace=False)) * COUNT_CELL_DEGREES - 90
        west, east = np.sort(RNG.choice(1441, 2, replace=False)) * COUNT_CELL_DEGREES - 180
        box = (float(south), float(west), float(north), float(east))
        assert COUNTS.covered(None, (Area(boxes=(box,)),)) == inside(*box).sum()


def test_galleries_and_countries_are_counted_exactly_and_together() -> None:
    box = (-20.0, 176.0, -15.0, 180.0)
    for galleries in ((1,), (2, 5)):
        ours = np.isin(GALLERIES, galleries)
        assert COUNTS.covered(galleries, ()) == ours.sum()
        fiji = Area(country="FJ")
        assert COUNTS.covered(galleries, (fiji,)) == (ours & (COUNTRIES == "FJ")).sum()
        both = (ours & (COUNTRIES == "FJ") & inside(*box)).sum()
        assert both > 0
        assert COUNTS.covered(galleries, (fiji, Area(boxes=(box,)))) == both
        one = Area(boxes=(box,), country="FJ")
        assert COUNTS.covered(galleries, (one,)) == both


def test_two_boxes_of_an_area_are_added_and_two_areas_overlap() -> None:
    west, east = (-20.0, 170.0, 20.0, 180.0), (-20.0, -180.0, 20.0, -170.0)
    across = Area(boxes=(west, east))
    assert COUNTS.covered(None, (across,)) == inside(*west).sum() + inside(*east).sum()
    assert COUNTS.covered(None, (Area(boxes=(west,)), Area(boxes=(east,)))) == 0
    assert COUNTS.covered(None, (across, Area(boxes=(west,)))) == inside(*west).sum()


def test_boxes_that_cover_a_place_twice_count_it_once() -> None:
    box = (-20.0, 170.0, 20.0, 180.0)
    assert COUNTS.covered(None, (Area(boxes=(box, box)),)) == inside(*box).sum()


def test_a_box_that_cuts_cells_counts_them_by_their_share() -> None:
    quarter = counted(np.tile([[10.1, 20.1]], (100, 1)))
    assert quarter.covered(None, (Area(boxes=((10.0, 20.0, 10.125, 20.125),)),)) == 25


@pytest.mark.parametrize(
    ("latitude", "longitude", "radius_km"),
    [(-17.8, 178.0, 300.0), (0.0, 180.0, 900.0), (89.5, 30.0, 500.0), (10.0, 20.0, 5000.0),
     (10.0, 20.0, 20_015.0), (-90.0, 0.0, 3000.0)],
)  # fmt: skip
@pytest.mark.parametrize("boxed", [True, False])
def test_a_circle_is_counted_within_the_cells_it_cuts(
    latitude: float, longitude: float, radius_km: float, boxed: bool
) -> None:
    (area,) = search_areas(circle(latitude, longitude, radius_km), None)
    if not boxed:
        area = Area(latitude=latitude, longitude=longitude, radius_km=radius_km)
    distance_km = haversine_km(latitude, longitude, PLACES[:, 0], PLACES[:, 1])
    cell_km = 0.25 * 111.2 * 2**0.5
    surely, perhaps = (distance_km <= radius_km - cell_km), (distance_km <= radius_km + cell_km)
    found = COUNTS.covered(None, (area,))
    # By the share of a circle in its box, where a cell is cut; rounded up once.
    assert surely.sum() <= found <= perhaps.sum() + 1
    assert found == pytest.approx((distance_km <= radius_km).sum(), rel=0.1)


def test_outside_is_what_is_not_inside() -> None:
    box = (-20.0, 100.0, 20.0, 180.0)
    beyond = COUNTS.covered(None, (), outside=(Area(boxes=(box,)),))
    assert beyond == (~inside(*box)).sum()
    part = Area(boxes=((-20.0, 0.0, 20.0, 180.0),))
    left = inside(-20.0, 0.0, 20.0, 180.0) & ~inside(*box)
    assert COUNTS.covered(None, (part,), outside=(Area(boxes=(box,)),)) == left.sum()
    assert COUNTS.covered(None, (Area(boxes=(box,)),), outside=(Area(boxes=(box,)),)) == 0


def test_what_a_load_brings_counts_as_if_it_were_there() -> None:
    loading = counted(unplaced=70)
    box = Area(boxes=((-20.0, 100.0, 20.0, 180.0),))
    nowhere = Area(country="XX")
    assert loading.total == len(PLACES) + 70
    assert loading.covered(None, (nowhere,)) == 70
    assert loading.covered((1,), (nowhere,)) == 0
    assert loading.covered((5,), (nowhere,)) == 70
    far = Area(latitude=0.0, longitude=0.0, radius_km=1.0)
    for area in (box, far):
        assert loading.covered(None, (area,)) == COUNTS.covered(None, (area,)) + 70
        assert loading.covered(None, (), (area,)) == COUNTS.covered(None, (), (area,)) + 70


def test_nothing_counted_is_nothing_covered() -> None:
    empty = counted(np.empty((0, 2)))
    assert empty.total == empty.covered(None, (Area(country="FJ"),), (Area(country="NZ"),)) == 0
