from __future__ import annotations

import csv
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geofix.tools.errors import SourceError
from geofix.tools.sources import TableSource
from geofix.tools.sources.table import CsvTable
from tests.unit.tools.sources.archives import photos

CELLS = st.text(st.sampled_from('ab, ;"\n\r\té'), max_size=6)


@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_rows_are_counted_as_they_are_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        # A lone carriage return ends no row for those who count lines.
        clean = [[cell.replace("\r", "") for cell in row] for row in rows]
        writer.writerows([["id", "lat", "lon", "author"], [1, 2, 3, "a"]])
        writer.writerows([4, 5, 6, cell] for row in clean for cell in row)
        writer.writerows(row for row in clean if not any(cell.strip() for cell in row))
    table = CsvTable(path, required=("id",))
    assert table.total() == len(list(table.rows())) == 2 * len(rows) + 1


def test_a_table_is_read_without_holding_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with open(path, "w") as file:
        file.write("path,lat,lon,attribution\n")
        for at in range(5_000):
            file.write(f"{at}.jpg,{at % 80 + 5},{at % 170},{'x' * 4_000}\n")
    source = TableSource(path)
    tracemalloc.start()
    count = sum(1 for _ in source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == source.total() == 5_000
    # All rows are 20 MB of text.
    assert peak < 4_000_000


def test_an_error_far_down_stops_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = b"".join(b"%d.jpg,10,20,\n" % at for at in range(20_000))
    path.write_bytes(b"path,lat,lon,author\n" + rows + b"z.jpg,1,2,Andr\xe9\n")
    with pytest.raises(SourceError, match="'CSV UTF-8'"):
        list(TableSource(path))


@pytest.mark.parametrize("text", ["1534763130123", "2018-08-20T11:05:30.123", "1534763130.123"])
def test_instants_as_mapillary_writes_them(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"path,lat,lon,captured_at\na.jpg,10,20,{text}\n")
    source = TableSource(path)
    if "." in text and "T" not in text:
        assert not photos(source)
    else:
        (photo,) = photos(source)
        assert photo.captured_at == datetime(2018, 8, 20, 11, 5, 30, 123_000, tzinfo=UTC)
