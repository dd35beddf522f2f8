from __future__ import annotations

from pathlib import Path

import pytest

from geofix.tools.errors import SourceError
from geofix.tools.sources.columns import find_columns

TABLE = Path("t.csv")


def test_names_of_published_sets_are_known() -> None:
    assert find_columns(TABLE, ["IMG_ID", "AUTHOR", "LAT", "LON"]) == {
        "path": 0,
        "id": 0,
        "author": 1,
        "latitude": 2,
        "longitude": 3,
    }
    osv = ["id", "latitude", "longitude", "thumb_original_url", "captured_at", "creator_username"]
    found = find_columns(TABLE, osv, required=("id", "latitude", "longitude"))
    assert (found["id"], found["author"], found["captured_at"]) == (0, 5, 4)


def test_a_named_column_goes_before_all_aliases() -> None:
    header = ["path", "lat", "lon", "y", "Y"]
    assert find_columns(TABLE, header, {"latitude": "Y"})["latitude"] == 4
    assert find_columns(TABLE, header, {"latitude": "y"})["latitude"] == 3
    assert find_columns(TABLE, header[:4], {"latitude": "Y"})["latitude"] == 3


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"lat": "y"}, "no column 'lat'; its columns are path, latitude, longitude"),
        (
            {"latitude": "north"},
            "no column 'north', which --column names for 'latitude'; its columns are 'path', 'lat'",
        ),
    ],
)
def test_what_cannot_be_mapped_lists_what_there_is(columns: dict[str, str], reason: str) -> None:
    with pytest.raises(SourceError) as raised:
        find_columns(TABLE, ["path", "lat", "lon"], columns)
    assert reason in str(raised.value)


def test_a_missing_column_says_how_to_name_it() -> None:
    with pytest.raises(SourceError, match="--column longitude=NAME"):
        find_columns(TABLE, ["path", "lat", "east"])
