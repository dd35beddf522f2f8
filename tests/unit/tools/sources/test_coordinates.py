from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.tools.errors import SourceError
from geofix.tools.sources import TableSource
from geofix.tools.sources.columns import check_columns, check_place
from tests.unit.tools.sources.archives import photos, rejected

LATITUDES = st.floats(-90, 90).filter(lambda value: abs(value) > 1e-6)
LONGITUDES = st.floats(-180, 180)
CITIES = [(35.7, 139.7), (40.7, -74.0), (48.9, 2.4), (-33.9, 151.2), (19.4, -99.1), (52.5, 13.4)]
NAMES = {"latitude": "LAT", "longitude": "LON"}


@given(LATITUDES, LONGITUDES)
def test_every_place_on_earth_is_accepted(latitude: float, longitude: float) -> None:
    check_place(latitude, longitude)


@given(LATITUDES, LONGITUDES.filter(lambda value: abs(value) > 90))
def test_swapped_coordinates_are_named_wherever_range_shows_them(
    latitude: float, longitude: float
) -> None:
    with pytest.raises(ValueError, match="the two may be swapped"):
        check_place(longitude, latitude)


@pytest.mark.parametrize(("latitude", "longitude"), [(356895000, 1396917000), (-33868800, 15120)])
def test_scaled_degrees_are_named(latitude: float, longitude: float) -> None:
    with pytest.raises(ValueError, match="they may be degrees times 10"):
        check_place(latitude, longitude) if latitude > 0 else check_place(latitude * 10, longitude)


def test_columns_that_are_swapped_stop_the_whole_table() -> None:
    swapped = [(lon, lat) for lat, lon in CITIES] * 20
    with pytest.raises(SourceError, match="--column latitude=LON --column longitude=LAT"):
        check_columns("'x.csv'", swapped, NAMES)


def test_some_swapped_rows_do_not_stop_a_table() -> None:
    check_columns("'x.csv'", CITIES * 20 + [(139.7, 35.7)] * 5, NAMES)
    check_columns("'x.csv'", CITIES[:1] * 50 + [(139.7, 35.7)] * 20, NAMES)
    check_columns("'x.csv'", [(139.7, 35.7)] * 4, NAMES)


@pytest.mark.parametrize("scale", [1_000_000, 10_000_000])
def test_scaled_columns_stop_the_whole_table(scale: int) -> None:
    with pytest.raises(SourceError, match=f"degrees times {scale:,}"):
        check_columns("'x.csv'", [(lat * scale, lon * scale) for lat, lon in CITIES], NAMES)


def test_radians_stop_the_whole_table_and_one_place_off_ghana_does_not() -> None:
    places = [(lat + step, lon - step) for lat, lon in CITIES for step in range(4)]
    radians = [(math.radians(lat), math.radians(lon)) for lat, lon in places]
    with pytest.raises(SourceError, match="look like radians"):
        check_columns("'x.csv'", radians, NAMES)
    check_columns("'x.csv'", places, NAMES)
    check_columns("'x.csv'", [(1.0, 2.0)] * 100, NAMES)


def test_the_hint_for_a_swapped_table_works(tmp_path: Path) -> None:
    path = tmp_path / "photos.csv"
    rows = "".join(f"{at}.jpg,{lon},{lat}\n" for at, (lat, lon) in enumerate(CITIES * 3))
    path.write_text("path,LAT,LON\n" + rows)
    with pytest.raises(SourceError, match="latitude=LON --column longitude=LAT"):
        TableSource(path)
    source = TableSource(path, columns={"latitude": "LON", "longitude": "LAT"})
    assert (photos(source)[0].latitude, photos(source)[0].longitude) == CITIES[0]
    assert not rejected(source)
