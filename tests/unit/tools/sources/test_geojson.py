from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from geofix.tools.errors import SourceError
from geofix.tools.sources import Rejected, SourcePhoto, open_source
from geofix.tools.sources.geojson import LARGEST_BYTES

PARIS = [2.3431, 48.8867]


def feature(point: Any, **properties: Any) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": point}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def write(folder: Path, *features: Any, **more: Any) -> Path:
    path = folder / "photos.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}))
    return path


def test_points_are_photos_and_longitude_comes_first(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        # A property may not say otherwise than the geometry, and a height is left alone.
        feature([*PARIS, 35.0], file="a.jpg", Latitude=1.0, author="ann", date="2024-07-14"),
        feature([-70.0, -33.4], file="b.jpg"),
    )
    first, second = list(open_source(path))
    assert isinstance(first, SourcePhoto) and isinstance(second, SourcePhoto)
    assert (first.latitude, first.longitude) == (48.8867, 2.3431)
    assert (first.external_id, first.author) == ("a.jpg", "ann")
    assert first.captured_at is not None and first.captured_at.year == 2024
    assert first.picture.location == str(tmp_path / "a.jpg")
    assert (second.latitude, second.longitude, second.author) == (-33.4, -70.0, None)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (None, "no geometry"),
        ({"properties": {"file": "c.jpg"}}, "no geometry"),
        ({"geometry": {"type": "LineString"}}, "'LineString'; only points"),
        (feature([1.0], file="c.jpg"), r"\[1.0\], not longitude and latitude"),
        (feature([2.0, 91.0], file="c.jpg"), "latitude"),
        (feature(["x", 1.0], file="c.jpg"), "longitude"),
        (feature([2.0, 48.0]), "path is empty"),
    ],
)
def test_what_is_no_photo_at_a_point_is_rejected_alone(
    odd: Any, reason: str, tmp_path: Path
) -> None:
    source = open_source(write(tmp_path, feature(PARIS, file="a.jpg"), odd))
    good, bad = list(source)
    assert isinstance(good, SourcePhoto) and source.total() == 2
    assert isinstance(bad, Rejected) and bad.item == "photos.geojson feature 2"
    assert re.search(reason, bad.reason), bad.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot be read as GeoJSON"),
        ("[1, 2]", "not a GeoJSON FeatureCollection"),
        ("[" * 100_000, "cannot be read as GeoJSON"),
        ('{"features": []}', "has no column 'path'"),
        ('{"features": [], "crs": {"properties": {"name": "EPSG:25832"}}}', "EPSG:25832.*ogr2ogr"),
    ],
)
def test_what_is_no_collection_of_points_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "photos.geojson"
    path.write_text(text)
    with pytest.raises(SourceError, match=reason):
        open_source(path)


def test_a_file_that_does_not_fit_into_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "photos.geojson"
    with open(path, "wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    with pytest.raises(SourceError, match="500,000,001 bytes"):
        open_source(path)


def test_a_kind_is_taken_at_its_word_whatever_the_name(tmp_path: Path) -> None:
    path = write(tmp_path, feature(PARIS, file="a.jpg")).rename(tmp_path / "photos.data")
    assert len(list(open_source(path, kind="geojson"))) == 1
    (tmp_path / "table.json").write_text("path,lat,lon\na.jpg,1,2\n")
    assert len(list(open_source(tmp_path / "table.json", kind="csv"))) == 1


def test_the_old_name_of_wgs84_is_taken(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert len(list(open_source(write(tmp_path, feature(PARIS, file="a.jpg"), crs=crs)))) == 1
