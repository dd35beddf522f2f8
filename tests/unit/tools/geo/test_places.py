from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from geofix.tools.errors import RegionError
from geofix.tools.geo.distance import haversine_km
from geofix.tools.geo.places import NamedPlace, city_called, place_at, places_at
from geofix.tools.statistics import PLACE_KM


@pytest.mark.parametrize(
    ("latitude", "longitude", "name", "code"),
    [
        (48.8867, 2.3431, "Paris", "FR"),
        (40.7527, -73.9772, "New York City", "US"),
        (40.72, -74.05, "Jersey City", "US"),
        (1.2834, 103.8607, "Singapore", "SG"),
        (52.3600, 4.8852, "Amsterdam", "NL"),
        (-33.4378, -70.6504, "Santiago", "CL"),
        (37.7600, -122.4300, "San Francisco", "US"),
        (9.0579, 7.4951, "Abuja", "NG"),
        (48.7758, 9.1829, "Stuttgart", "DE"),
        (55.7047, 13.1910, "Lund", "SE"),
        (52.5163, 13.3777, "Berlin", "DE"),
        (41.9029, 12.4545, "Vatican City", "VA"),
        (48.4477, 1.4878, "Chartres", "FR"),
        (48.8049, 2.1204, "Versailles", "FR"),
    ],
)
def test_places_people_would_name(latitude: float, longitude: float, name: str, code: str) -> None:
    place = place_at(latitude, longitude)
    assert place is not None
    assert (place.name, place.country_code) == (name, code)
    assert place.distance_km < PLACE_KM


def test_a_place_in_words() -> None:
    assert str(place_at(48.8867, 2.3431)) == "Paris, Île-de-France, France"
    # A city that is its country is not said twice.
    assert str(place_at(1.2834, 103.8607)) == "Singapore"


def test_a_far_place_says_how_far() -> None:
    place = NamedPlace("Nuuk", "Sermersooq", "GL", "Greenland", 87.4)
    assert str(place) == "87 km from Nuuk, Sermersooq, Greenland"


def test_a_place_on_the_points_side_of_the_border_goes_first() -> None:
    # Nearest of all is Tijuana's suburb 2 km south; the point is in California.
    point = (32.5450, -116.9700)
    place = place_at(*point)
    assert place is not None
    assert place.country_code == "US"
    strasbourg_port, kehl = place_at(48.5700, 7.7960), place_at(48.5761, 7.8087)
    assert strasbourg_port is not None and strasbourg_port.country_code == "FR"
    assert kehl is not None and kehl.country_code == "DE"


def test_land_without_cities_has_a_country_and_no_name() -> None:
    place = place_at(-80, 20)
    assert place == NamedPlace(None, None, "AQ", "Antarctica", 0.0)
    assert str(place) == "Antarctica"


def test_the_open_sea_is_no_place() -> None:
    assert place_at(30, -45) is None


def test_at_sea_the_nearest_city_counts() -> None:
    place = place_at(43.0, 8.0)
    assert place is not None
    assert 25 < place.distance_km < 500


def test_a_city_across_the_antimeridian_is_found() -> None:
    place = place_at(-16.2, -179.2)
    assert place is not None
    assert place.country_code == "FJ"
    # Fiji's cities lie west of 180 degrees: in plain degrees they are 359 away.
    assert place.distance_km < 200


def test_the_distance_is_to_the_named_city() -> None:
    place = place_at(48.8867, 2.3431)
    assert place is not None
    to_center_km = float(haversine_km(48.8867, 2.3431, 48.85341, 2.3488))
    assert place.distance_km == pytest.approx(to_center_km)


def test_the_nearest_city_is_the_true_nearest_at_high_latitudes() -> None:
    # In plain degrees Akranes wins; over the sphere it is 28 km away, Borgarnes 14.
    place = place_at(64.57, -22.2)
    assert place is not None
    assert place.name == "Borgarnes"


def test_many_points_at_once_agree_with_one_at_a_time() -> None:
    random = np.random.default_rng(3)
    latitudes = random.uniform(-80, 80, 60)
    longitudes = random.uniform(-180, 180, 60)
    together = places_at(latitudes, longitudes)
    apart = [place_at(float(a), float(b)) for a, b in zip(latitudes, longitudes, strict=True)]
    assert together == apart
    assert places_at([], []) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Lisbon", "Lisbon, Portugal"),
        (" berlin ", "Berlin, State of Berlin, Germany"),
        ("Paris", "Paris, Île-de-France, France"),
        ("Paris, Texas", "Paris, Texas, United States"),
        ("paris, texas, us", "Paris, Texas, United States"),
        ("sao paulo", "São Paulo, Brazil"),
        ("Paris, Japan", None),
        ("the bread looks Portuguese", None),
        ("", None),
        (",", None),
        ("Lisbon\nBerlin", None),
    ],
)
def test_a_city_is_found_by_its_name(text: str, found: str | None) -> None:
    city = city_called(text)
    assert (None if city is None else city.describe()) == found
    if city is not None:
        there = place_at(city.latitude, city.longitude)
        assert there is not None and there.name == city.name


def test_bad_points_are_named() -> None:
    with pytest.raises(RegionError, match="nan"):
        place_at(math.nan, 0)


def test_a_lookup_does_not_load_scipy() -> None:
    script = (
        "import sys; from geofix.tools.geo.places import place_at; place_at(48.85, 2.35);"
        "assert not {'scipy', 'reverse_geocode', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
