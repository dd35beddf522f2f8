from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from geofix.tools.errors import SourceError
from geofix.tools.sources import MemoryPicture, TableSource, open_source
from tests.unit.tools.sources.archives import jpeg, photos, rejected, width_of


def parquet(path: Path, /, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


def test_a_typed_row_is_read(tmp_path: Path) -> None:
    taken = datetime(2024, 5, 1, 10, tzinfo=UTC)
    nanoseconds = int(taken.timestamp()) * 10**9 + 1
    path = parquet(
        tmp_path / "photos.parquet",
        file_name=["a.jpg", "b.jpg", "c.jpg"],
        LAT=[48.5, 1.0, None],
        lon=[-2.25, 2.0, 3.0],
        id=[3859149887465501, 2, 3],
        captured_at=pa.array([nanoseconds, None, None], pa.timestamp("ns", "UTC")),
        license=["CC0-1.0", None, None],
        accuracy_km=[0.5, float("nan"), None],
    )
    source = TableSource(path)
    first, second = photos(source)
    assert first.picture.location == str(tmp_path / "a.jpg")
    assert (first.external_id, first.latitude, first.longitude) == ("3859149887465501", 48.5, -2.25)
    assert (first.captured_at, first.licence, first.accuracy_km) == (taken, "CC0-1.0", 0.5)
    assert (second.captured_at, second.licence, second.accuracy_km) == (None, None, 0.0)
    (bad,) = rejected(source)
    assert (bad.item, bad.reason) == ("photos.parquet row 3", "the latitude is empty")
    assert source.total() == 3


def test_pictures_inside_the_table_are_taken_from_there(tmp_path: Path) -> None:
    pictures = [{"bytes": jpeg(70), "path": "a.jpg"}, {"bytes": jpeg(80), "path": None}]
    path = parquet(tmp_path / "t.parquet", image=pictures, lat=[10.0, 20.0], lon=[30.0, 40.0])
    first, second = photos(TableSource(path))
    assert (first.external_id, second.external_id) == ("a.jpg", "t.parquet row 2")
    assert isinstance(second.picture, MemoryPicture)
    assert [width_of(photo.picture) for photo in (first, second)] == [70, 80]


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path) -> None:
    for at in range(3):
        parquet(tmp_path / f"{at}.parquet", path=[f"{at}.jpg"], lat=[10.0], lon=[20.0])
    source = open_source(tmp_path)
    assert isinstance(source, TableSource) and source.total() == 3
    assert [photo.picture.location for photo in photos(source)] == [
        str(tmp_path / f"{at}.jpg") for at in range(3)
    ]


def test_a_file_that_is_no_parquet_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(SourceError, match=r"Parquet file .*t\.parquet' cannot be read"):
        TableSource(tmp_path / "t.parquet")
    with pytest.raises(SourceError, match="no column 'latitude'; its columns are 'path', 'lon'"):
        TableSource(parquet(tmp_path / "u.parquet", path=["a"], lon=[1.0]))
