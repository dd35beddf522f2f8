from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import shapely

from geofix.tools.errors import RegionError
from geofix.tools.geo.borders import borders
from geofix.tools.geo.countries import (
    COAST_KM,
    Country,
    countries_at,
    country_at,
    country_boxes,
    find_country,
    is_land,
)
from geofix.tools.geo.distance import haversine_km


@pytest.mark.parametrize(
    ("latitude", "longitude", "code"),
    [
        (48.8867, 2.3431, "FR"),
        (48.5734, 7.7521, "FR"),
        (48.5734, 7.8150, "DE"),
        (42.315, -83.036, "CA"),
        (42.332, -83.046, "US"),
        (-16.8, 180, "FJ"),
        (-16.8, -180, "FJ"),
        (66, 180, "RU"),
        (66, -180, "RU"),
        (66, -175, "RU"),
        (51.88, -176.65, "US"),
        (52.9, 172.9, "US"),
        (-90, 0, "AQ"),
        (-86, 179.9, "AQ"),
        (71.17, 25.78, "NO"),
        (78.22, 15.65, "SJ"),
        (-21.1, 55.5, "RE"),
        (41.9029, 12.4545, "VA"),
        (41.8902, 12.4922, "IT"),
        (-29.5, 28.2, "LS"),
        (42.66, 21.16, "XK"),
        (35.3, 33.4, "CY"),
        (9.56, 44.06, "SO"),
        (44.95, 34.1, "UA"),
        (45.2, 36.72, "RU"),
        (1.29, 103.85, "SG"),
    ],
)
def test_points_and_their_countries(latitude: float, longitude: float, code: str) -> None:
    found = country_at(latitude, longitude)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(0, 0), (90, 0), (30, -45), (42, 50.5), (0, 180), (0, -180)]
)
def test_the_sea_has_no_country(latitude: float, longitude: float) -> None:
    assert country_at(latitude, longitude) is None
    assert not is_land(latitude, longitude)


def test_a_pier_is_land_and_a_ferry_is_not() -> None:
    southend_pier = (51.516, 0.722)
    channel = (50.0, -2.0)
    assert is_land(*southend_pier)
    assert not is_land(*channel)


def test_tolerance_decides_at_the_coast() -> None:
    off_nice = (43.60, 7.26)
    assert country_at(*off_nice, tolerance_km=0) is None
    assert not is_land(*off_nice, tolerance_km=2)
    assert country_at(*off_nice) == Country("FR", "France")


def test_the_nearest_land_may_lie_across_the_antimeridian() -> None:
    # Land within 20 km on the far side only.
    assert country_at(-18.6, -179.9) == Country("FJ", "Fiji")
    assert country_at(-9.4, -179.97) == Country("TV", "Tuvalu")
    assert country_at(-18.6, -179.9, tolerance_km=0) is None
    mainland = (68.97, 179.9)
    assert country_at(*mainland) == country_at(68.97, -179.9) == Country("RU", "Russia")


def test_tolerance_is_in_kilometers_at_high_latitudes_too() -> None:
    # 12 km east of Vardø are 0.3 degrees of longitude.
    assert country_at(70.37, 31.45) == Country("NO", "Norway")
    assert country_at(70.37, 31.45, tolerance_km=5) is None
    assert country_at(70.37, 32.00) is None


def test_many_points_at_once_agree_with_one_at_a_time() -> None:
    random = np.random.default_rng(7)
    latitudes = np.degrees(np.arcsin(random.uniform(-1, 1, 2_000)))
    longitudes = random.uniform(-180, 180, 2_000)
    codes = countries_at(latitudes, longitudes)
    land = sum(code is not None for code in countries_at(latitudes, longitudes, tolerance_km=0))
    assert 0.26 < land / 2_000 < 0.32
    for index in range(0, 2_000, 40):
        alone = country_at(float(latitudes[index]), float(longitudes[index]))
        assert codes[index] == (alone.code if alone else None)


def test_no_points_have_no_countries() -> None:
    assert countries_at([], []) == []


@pytest.mark.parametrize(
    ("latitudes", "longitudes", "words"),
    [([0, 91], [0, 0], "latitude 91"), ([0], [math.nan], "nan"), ([0, 1], [0], "2 latitudes")],
)
def test_bad_points_are_named(latitudes: list[float], longitudes: list[float], words: str) -> None:
    with pytest.raises(RegionError, match=words):
        countries_at(latitudes, longitudes)


@pytest.mark.parametrize("tolerance_km", [-1, 101, math.nan])
def test_a_tolerance_has_bounds(tolerance_km: float) -> None:
    with pytest.raises(RegionError, match="tolerance"):
        country_at(0, 0, tolerance_km=tolerance_km)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("FR", "FR"),
        ("fra", "FR"),
        (" france ", "FR"),
        ("UK", "GB"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("South Korea", "KR"),
        ("Ivory Coast", "CI"),
        ("cote d'ivoire", "CI"),
        ("Côte d\u2019Ivoire", "CI"),
        ("Holland", "NL"),
        ("Turkey", "TR"),
        ("turkiye", "TR"),
        ("Czech Republic", "CZ"),
        ("Trinidad & Tobago", "TT"),
        ("Kosovo", "XK"),
        ("Antarctica", "AQ"),
    ],
)
def test_words_for_a_country(text: str, code: str) -> None:
    assert find_country(text).code == code


def test_an_unknown_country_gets_three_suggestions() -> None:
    with pytest.raises(RegionError, match="'Untied Kingdom'") as refusal:
        find_country("Untied Kingdom")
    listed, _, instead = str(refusal.value).split("are: ")[1].partition(". ")
    names = listed.split(", ")
    assert names[0] == "United Kingdom"
    assert len(names) == 3
    assert "LAT,LON,KM" in instead


def test_every_code_means_its_own_country() -> None:
    for code in ("IN", "IT", "IS", "NO", "ME", "SO"):
        assert find_country(code).code == code


@pytest.mark.parametrize("code", ["RU", "FJ", "US", "NZ", "FR", "NO", "AQ", "KI", "ID"])
def test_boxes_hold_their_country(code: str) -> None:
    boxes = country_boxes(code)
    assert len(boxes) <= 10
    assert all(box.west <= box.east for box in boxes)
    random = np.random.default_rng(11)
    for box in boxes:
        # Points in and round each box, so that those at its rim count too.
        latitudes = np.clip(random.uniform(box.south - 1, box.north + 1, 300), -90, 90)
        longitudes = (random.uniform(box.west - 1, box.east + 1, 300) + 180) % 360 - 180
        filed = countries_at(latitudes, longitudes, tolerance_km=COAST_KM)
        for latitude, longitude, found in zip(latitudes, longitudes, filed, strict=True):
            if found == code:
                assert any(other.contains(latitude, longitude) for other in boxes)


def test_boxes_do_not_span_the_world_for_countries_at_the_antimeridian() -> None:
    for code in ("RU", "FJ", "US", "NZ"):
        area = sum((b.east - b.west) * (b.north - b.south) for b in country_boxes(code))
        # Russia's is the largest, and a sixth of the map.
        assert area < 360 * 180 / 8


def test_boxes_need_a_code() -> None:
    with pytest.raises(RegionError, match="'ZZ'"):
        country_boxes("ZZ")


def test_borders_agree_with_known_cities_within_a_kilometer_of_them() -> None:
    # Kehl's station and Strasbourg's port face each other over a Rhine of 250 m.
    kehl, strasbourg = (48.5761, 7.8087), (48.5700, 7.7960)
    assert float(haversine_km(*kehl, *strasbourg)) < 1.2
    assert countries_at(*zip(kehl, strasbourg, strict=True)) == ["DE", "FR"]


def test_names_do_not_load_borders() -> None:
    script = (
        "import sys; from geofix.tools.geo.countries import find_country; find_country('UK');"
        "assert 'shapely' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_no_part_of_the_borders_is_prepared() -> None:
    # A prepared polygon builds its index when it is first asked; two threads at once end the
    # process, which a test cannot survive, so the cause is tested.
    assert not shapely.is_prepared(borders().parts).any()
