from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.agent.errors import RegionError
from geofix.agent.regions import circle, parse_region, region_called, require_meeting, search_areas
from geofix.agent.state import Region
from geofix.tools.geo.countries import countries_at
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM
from tests.sphere import destination


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("France", "FR"),
        (" france ", "FR"),
        ("FR", "FR"),
        ("fra", "FR"),
        ("Korea, Republic of", "KR"),
        ("Côte d'Ivoire", "CI"),
    ],
)
def test_a_country_by_any_name(text: str, code: str) -> None:
    region = parse_region(text)
    assert region.country_code == code
    assert region.latitude is region.longitude is region.radius_km is None


@pytest.mark.parametrize("text", ["48.86,2.35,50", " 48.86 , 2.35 , 50 ", "4.886e1,+2.35,50.0"])
def test_a_circle(text: str) -> None:
    assert parse_region(text) == Region(
        latitude=48.86, longitude=2.35, radius_km=50, name="50 km around 48.8600, 2.3500"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("48.86,2.35", "'48.86,2.35' is not three or four numbers; write LAT,LON,KM such as"),
        ("48.86", "SOUTH,WEST,NORTH,EAST such as '48.8,2.2,48.9,2.5', or a country such as"),
        ("1,2,3,4,5", "is not three or four numbers"),
        ("48.86,2.35,50km", "is not three or four numbers"),
        ("48.86,east,50", "is not three or four numbers"),
        ("1,2,3,east", "is not three or four numbers"),
        ("1,2,3,", "is not three or four numbers"),
        ("91,0,5", "latitude 91.0 is not between -90 and 90"),
        ("139.7,35.6,50", "latitude comes first, so the two may be swapped"),
        ("0,180.5,5", "longitude 180.5"),
        ("nan,0,5", "latitude nan"),
        ("0,inf,5", "longitude inf"),
        ("0,0,0", "the radius 0.0 km is not between 0 and 20015 km"),
        ("0,0,-1", "the radius -1.0 km"),
        ("0,0,nan", "the radius nan km"),
        ("0,0,1e9", "the radius 1000000000.0 km"),
        ("Atlantis", "unknown country 'Atlantis'; similar names are: "),
        ("Paris, Île-de-France, France", "unknown country 'Paris, Île-de-France, France'"),
        ("", "unknown country ''"),
        ("x" * 10_000, "'... has 10000 characters, more than 200; write LAT,LON,KM"),
        (",,", "unknown country ',,'"),
    ],
)
def test_what_is_no_region_says_why(text: str, reason: str) -> None:
    with pytest.raises(RegionError, match=re.escape(reason)):
        parse_region(text)


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(0.001, HALF_CIRCUMFERENCE_KM),
    st.floats(0, 360),
    st.floats(0, 0.999),
)
def test_every_point_of_a_circle_is_in_one_of_its_boxes(
    latitude: float, longitude: float, radius_km: float, bearing: float, share: float
) -> None:
    (area,) = search_areas(circle(latitude, longitude, radius_km), None)
    assert area.radius_km == radius_km
    there, meridian = destination(latitude, longitude, bearing, share * radius_km)
    assert any(
        south <= there <= north and (west <= meridian <= east or (meridian == -180 and east == 180))
        for south, west, north, east in area.boxes
    )
    assert all(-180 <= west <= east <= 180 for _, west, _, east in area.boxes)


def test_a_circle_across_the_antimeridian_has_two_boxes_and_one_at_a_pole_all_longitudes() -> None:
    (fiji,) = search_areas(circle(-17.0, 179.9, 100), None)
    assert sorted((west > 0, east > 0) for _, west, _, east in fiji.boxes) == [
        (False, False),
        (True, True),
    ]
    (pole,) = search_areas(circle(89.9, 10.0, 100), None)
    assert [(west, north, east) for _, west, north, east in pole.boxes] == [(-180, 90, 180)]


def test_a_round_never_searches_outside_what_the_question_allows() -> None:
    france, paris = parse_region("France"), circle(48.86, 2.35, 25)
    assert search_areas(None, None) == ()
    first, second = search_areas(france, paris)
    assert (first.country, second.radius_km) == ("FR", 25)
    assert len(search_areas(france, france)) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "the region 'here' has no area"),
        ({"latitude": 48.0, "box": (1, 2, 3, 4)}, "has no area"),
        ({"latitude": 1, "longitude": 2, "radius_km": 3, "box": (1, 2, 3, 4)}, "circle and a box"),
        ({"box": (3, 2, 1, 4)}, "the south 3.0 is not less than the north 1.0"),
        ({"latitude": 48.0, "longitude": 2.0}, "has no area"),
        ({"latitude": 48.0, "country_code": "FR"}, "has no area"),
        ({"country_code": "fr"}, "unknown country code 'fr'"),
        ({"country_code": "ZZ"}, "unknown country code 'ZZ'"),
    ],
)
def test_a_region_that_is_none_is_not_searched_as_everywhere(
    fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RegionError, match=reason):
        search_areas(None, Region(name="here", **fields))


def test_a_circle_in_a_country_is_both() -> None:
    both = Region(latitude=48.6, longitude=7.8, radius_km=50, country_code="FR", name="Alsace")
    (area,) = search_areas(both, None)
    assert (area.country, area.radius_km) == ("FR", 50)


@pytest.mark.parametrize("name", ["France", "Russian Federation", "Antarctica"])
def test_a_country_is_searched_by_its_code_within_boxes_that_hold_it(name: str) -> None:
    (area,) = search_areas(parse_region(name), None)
    assert area.country == parse_region(name).country_code
    assert area.boxes and area.radius_km is None
    assert all(-180 <= west <= east <= 180 for _, west, _, east in area.boxes)
    latitudes, longitudes = np.random.default_rng(0).uniform((-90, -180), (90, 180), (4000, 2)).T
    codes = countries_at(latitudes, longitudes)
    mine = [at for at, code in enumerate(codes) if code == area.country]
    assert mine
    for at in mine:
        assert any(
            south <= latitudes[at] <= north and west <= longitudes[at] <= east
            for south, west, north, east in area.boxes
        )


@pytest.mark.parametrize(
    ("region", "within", "meets"),
    [
        ("48.86,2.35,5", "France", True),
        ("50.85,4.35,10", "France", False),
        ("50.85,4.35,100", "France", True),
        ("France", "48.86,2.35,5", True),
        ("Germany", "France", False),
        ("51.2,-4,51.4,-3", "France", False),
        ("48.86,2.35,5", "48.86,2.55,5", False),
        ("48.86,2.35,8", "48.86,2.55,8", True),
        ("-20,176,-15,-178", "-18,179.9,50", True),
        ("-20,176,-15,-178", "-18,-170,50", False),
        ("-18,179.9,50", "-18,-179.9,50", True),
    ],
)
def test_a_region_wholly_outside_another_is_told(region: str, within: str, meets: bool) -> None:
    given, limit = parse_region(region), parse_region(within)
    assert require_meeting(given, None) == given
    if meets:
        assert require_meeting(given, limit) == given
        return
    with pytest.raises(RegionError, match="lies wholly outside"):
        require_meeting(given, limit)


def test_a_few_words_mean_a_region_or_a_city() -> None:
    assert region_called("France") == parse_region("France")
    assert region_called("48.86,2.35,5") == circle(48.86, 2.35, 5)
    lisbon = region_called("Lisbon")
    assert lisbon is not None and lisbon.radius_km == 25
    assert lisbon.name == "25 km around Lisbon, Portugal"
    assert region_called("somewhere warm") is None
