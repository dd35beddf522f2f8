from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from geofix.tools.errors import SourceError
from geofix.tools.sources import FilePicture, Rejected, SourcePhoto, TableSource


def table(folder: Path, text: str | bytes) -> TableSource:
    path = folder / "photos.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return TableSource(path)


def photos(source: TableSource) -> list[SourcePhoto]:
    items = list(source)
    assert len(items) == source.total()
    assert not [item for item in items if isinstance(item, Rejected)]
    return [item for item in items if isinstance(item, SourcePhoto)]


def test_a_full_row_is_read_whatever_case_its_columns_have(tmp_path: Path) -> None:
    (photo,) = photos(
        table(
            tmp_path,
            "ID,File,LAT,Lng,author,License,attribution,captured at,accuracy_km\n"
            '7,"sub/a, b.jpg", 48.5 ,-2.25,Ann,CC-BY-4.0,"Ann, ""Paris""",2024-05-01T10:00+02:00,'
            "0.5\n",
        )
    )
    assert photo == SourcePhoto(
        external_id="7",
        picture=FilePicture(tmp_path / "sub/a, b.jpg"),
        latitude=48.5,
        longitude=-2.25,
        accuracy_km=0.5,
        author="Ann",
        licence="CC-BY-4.0",
        attribution='Ann, "Paris"',
        captured_at=datetime(2024, 5, 1, 10, tzinfo=timezone(timedelta(hours=2))),
    )


def test_a_citys_center_is_no_exact_place(tmp_path: Path) -> None:
    """Exact ones at one point are frames of one walk, and one witness; these are not."""
    rows = "a.jpg,1,2,city,\nb.jpg,1,2,exact,\nc.jpg,1,2,city,3\nd.jpg,1,2,,\n"
    found = photos(table(tmp_path, f"path,latitude,longitude,truth,accuracy_km\n{rows}"))
    assert [photo.accuracy_km for photo in found] == [25.0, 0.0, 3.0, 0.0]


def test_the_path_is_the_id_where_there_is_none(tmp_path: Path) -> None:
    first, second = photos(
        table(tmp_path, "path,latitude,longitude,id\na.jpg,1,2,\n/abs/b.jpg,1,2,x\n")
    )
    assert (first.external_id, first.picture.location) == ("a.jpg", str(tmp_path / "a.jpg"))
    assert (second.external_id, second.picture.location) == ("x", "/abs/b.jpg")
    assert (first.author, first.licence, first.captured_at) == (None, None, None)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfpath,latitude,longitude\r\na.jpg,48.5,-2.25\r\n",
        b"path;latitude;longitude\r\na.jpg;48,5;-2,25\r\n",
        b"\xef\xbb\xbfpath;latitude;longitude;\r\na.jpg;48.5;-2.25;\r\n;;;\r\n\r\n",
        b"path\tlatitude\tlongitude\na.jpg\t48,5\t-2.25\n",
        b"path,latitude,longitude,,\na.jpg,48.5,-2.25,,\n,,,,\n",
        b'\n"path","latitude","longitude"\n"a.jpg","48.5","-2.25"',
    ],
    ids=["byte order mark", "German", "German with a mark", "tabs", "blank columns", "quotes"],
)
def test_tables_as_spreadsheets_write_them(tmp_path: Path, text: bytes) -> None:
    (photo,) = photos(table(tmp_path, text))
    assert (photo.external_id, photo.latitude, photo.longitude) == ("a.jpg", 48.5, -2.25)


def test_a_date_without_an_offset_is_taken_for_utc(tmp_path: Path) -> None:
    (photo,) = photos(table(tmp_path, "path,lat,lon,date\na.jpg,1,2,2024-05-01\n"))
    assert photo.captured_at == datetime(2024, 5, 1, tzinfo=UTC)


def test_the_more_telling_name_of_a_column_wins(tmp_path: Path) -> None:
    (photo,) = photos(table(tmp_path, "date,path,lat,lon,captured_at\n1999,a,1,2,2024-05-01\n"))
    assert photo.captured_at == datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.jpg,91,2", "latitude 91.0 is not between -90 and 90"),
        ("a.jpg,139.7,35.6", "the two may be swapped"),
        ("a.jpg,1,181", "longitude 181.0 is not between -180 and 180"),
        ("a.jpg,nan,2", "latitude nan"),
        ("a.jpg,1e999,2", "latitude inf"),
        ("a.jpg,,2", "the latitude is empty"),
        ("a.jpg,1", "the longitude is empty"),
        ("a.jpg", "the latitude is empty"),
        (",1,2", "the path is empty"),
        ("a.jpg,48°51'N,2", 'the latitude "48°51\'N" is not a number'),
        ('a.jpg,"48,5",2', "the latitude '48,5' is not a number"),
        ("a.jpg,0,0", "the coordinates are 0, 0"),
        ("a.jpg,1,2,yesterday", "the date 'yesterday' is not written as ISO 8601"),
        ("a.jpg,1,2,,-1", "the accuracy_km -1.0 is not a distance on Earth"),
        ("a.jpg,1,2,,nan", "the accuracy_km nan is not a distance on Earth"),
        ("a.jpg,1,2,,0,Paris, France", "it has 7 cells and the header has 6"),
        ("a\0.jpg,1,2", "zero byte"),
    ],
)
def test_a_row_that_cannot_be_used_is_one_line_of_the_report(
    tmp_path: Path, row: str, reason: str
) -> None:
    source = table(
        tmp_path,
        f"path,latitude,longitude,captured_at,accuracy_km,attribution\n{row}\nb.jpg,1,2,,,\n",
    )
    items = list(source)
    assert len(items) == source.total() == 2
    rejected, good = items
    assert isinstance(rejected, Rejected) and isinstance(good, SourcePhoto)
    assert rejected.item == "photos.csv line 2"
    assert reason in rejected.reason


def test_two_rows_of_one_id_are_one_photo_and_one_line(tmp_path: Path) -> None:
    source = table(tmp_path, "path,lat,lon,id\na.jpg,1,2,x\nb.jpg,3,4,y\nc.jpg,5,6,x\n")
    items = list(source)
    assert [item.external_id for item in items if isinstance(item, SourcePhoto)] == ["x", "y"]
    assert items[2] == Rejected("photos.csv line 4", "an earlier row has the same id 'x'")
    assert list(source) == items


def test_a_cell_of_several_lines_does_not_shift_the_count_of_lines(tmp_path: Path) -> None:
    source = table(tmp_path, 'path,lat,lon,attribution\na.jpg,1,2,"by\nAnn\u2028"\nb.jpg,91,2,\n')
    first, second = source
    assert isinstance(first, SourcePhoto) and first.attribution == "by\nAnn"
    assert isinstance(second, Rejected) and second.item == "photos.csv line 4"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "has no column 'path'; its columns are none"),
        (b"name,lat\n", "has no column 'path'; its columns are 'name', 'lat'"),
        (b"path,latitude\n", "has no column 'longitude'; its columns are 'path', 'latitude'"),
        (b"path,lat,lon\n", "no rows below its header"),
        (b"path,lat,lon,lat\na,1,2,3\n", "has the column 'lat' twice"),
        (b"path,lat,lon,author\na,1,2,Andr\xe9\n", "'CSV UTF-8'"),
        (b'path,lat,lon\n"a,1,2\nb,1,2\n', "unexpected end of data"),
        (b"path,lat,lon\na,1," + b"2" * 200_000 + b"\n", "field larger than field limit"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path: Path, text: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=r"photos\.csv") as raised:
        table(tmp_path, text)
    assert reason in str(raised.value)


def test_a_missing_table_and_an_unusable_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        TableSource(tmp_path / "nosuch.csv")
    (tmp_path / "photos.csv").write_text("path,lat,lon\na,1,2\n")
    assert TableSource(tmp_path / "photos.csv").name.startswith("photos.csv-")
    with pytest.raises(SourceError, match="the name ' ' is blank"):
        TableSource(tmp_path / "photos.csv", name=" ")
