"""Parquet tables read column by column say what they say read row by row."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from geofix.tools.sources import parquet as parquet_table
from geofix.tools.sources.parquet import ParquetTable, plain_block
from geofix.tools.sources.placed_block import KEPT, PlacedBlock, block_of
from geofix.tools.sources.rows import SeenIds, placed_rows
from geofix.tools.sources.vector_files import PLACE_COLUMNS

ROWS = 6
PLACES: dict[str, Any] = {
    "id": list("abcdef"),
    "lat": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
    "lon": [-0.0, 1.0, 2.0, 3.0, 179.0, 180.0],
}
TAKEN = [datetime(2024, 5, 1, 10, 30, 0, 7, tzinfo=UTC), None, datetime(1975, 1, 1)] * 2

PLAIN: dict[str, dict[str, Any]] = {
    "nothing else": {},
    "whole numbers": {"id": [7, 0, -3, 4, 5, 2**60], "lat": [1, 2, 3, 4, 5, 6]},
    "single precision": {"lat": pa.array([48.85] * ROWS, pa.float32())},
    "terms with gaps": {"author": ["Ann", None, "", "  Bo ", "Ann", "é\u2003"]},
    "the same terms": {"license": ["CC0-1.0"] * ROWS},
    "terms by number": {"author": pa.array(["Ann", None] * 3).dictionary_encode()},
    "terms of no type": {"author": pa.nulls(ROWS)},
    "large terms": {"credit": pa.array(["x", None] * 3, pa.large_string())},
    "accuracies": {"accuracy_km": [0.5, None, float("nan"), 0.0, 1e4, 2.0]},
    "instants": {"captured_at": pa.array(TAKEN, pa.timestamp("us", "UTC"))},
    "instants in words": {
        "captured_at": ["2024-05-01", None, "", "1714557600", "2024-05-01T10:00+02:00", " "]
    },
    "paths": {"path": ["p1", " p2", "p3", "p4", "p5", "p6"], "id": ["a", None, "", " ", "e", "f"]},
}  # fmt: skip

ODD: dict[str, dict[str, Any]] = {
    "an id twice": {"id": ["a", "b", "a", "d", "e", "e"]},
    "no id": {"id": ["a", None, " ", "d", "e", "f"]},
    "an id with a gap": {"id": [1, None, 3, 4, 5, 6]},
    "broken numbers": {"lat": ["10", "20", "x", "40", "50", "60"]},
    "a latitude too high": {"lat": [10.0, 91.0, float("nan"), None, float("inf"), 60.0]},
    "a longitude too far": {"lon": [10.0, 180.5, float("nan"), None, -181.0, 60.0]},
    "unset": {"lat": [0.0] * ROWS, "lon": [0.0, 0.0, 1.0, 2.0, 3.0, 0.0]},
    "accuracies": {"accuracy_km": [0.5, -1.0, 1e9, float("inf"), 0.0, 1.0]},
    "a city's center": {"truth": ["city", "exact", None, "", "city", "exif"]},
    "an author with a zero byte": {"author": ["Ann", "B\0", "C", "D", "E", "F"]},
    "no instant": {"captured_at": ["yesterday", None, "2024-05-01", "", "2024", "x"]},
    "an empty path": {"path": ["p1", "", "p3", "p4", "p5", "p6"]},
    "numbers in place of terms": {"author": [1.0, 2.5, None, 4.0, 5.0, 6.0]},
}


def opened(folder: Path, changes: dict[str, Any], batch: int = 1024) -> ParquetTable:
    table = pa.table({**PLACES, **changes})
    pq.write_table(table, folder / "t.parquet", row_group_size=batch)
    return ParquetTable(folder / "t.parquet", required=PLACE_COLUMNS)


def shown(block: PlacedBlock) -> list[Any]:
    columns = [np.asarray(getattr(block, name)).tolist() for name in KEPT]
    return [list(block.labels), block.rejected, *columns]


@pytest.mark.parametrize("changes", PLAIN.values(), ids=PLAIN)
def test_plain_columns_say_what_their_rows_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    table = opened(tmp_path, changes)
    wanted = block_of(list(placed_rows(table)))
    assert len(wanted.positions) == ROWS
    # Else this would compare the rows with themselves.
    monkeypatch.setattr(parquet_table, "placed_once", None)
    (block,) = table.blocks(100)
    assert shown(block) == shown(wanted)


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
@pytest.mark.parametrize("size", [100, 2])
def test_odd_columns_are_read_row_by_row(
    tmp_path: Path, changes: dict[str, Any], size: int
) -> None:
    table = opened(tmp_path, changes)
    wanted = list(placed_rows(table))
    blocks = list(table.blocks(size))
    assert [len(block) for block in blocks] == [min(size, ROWS)] * len(blocks)
    rows = [wanted[at : at + size] for at in range(0, ROWS, size)]
    assert [shown(block) for block in blocks] == [shown(block_of(part)) for part in rows]


def test_rows_are_counted_on_from_block_to_block(tmp_path: Path) -> None:
    labels = [label for block in opened(tmp_path, {}).blocks(4) for label in block.labels]
    assert labels == [f"t.parquet row {number}" for number in range(1, ROWS + 1)]


def test_ids_of_a_block_that_is_not_plain_are_not_kept() -> None:
    seen = SeenIds()
    columns = {"id": pa.array(["a", "a"]), "latitude": pa.array([1.0, 2.0])}
    assert plain_block({**columns, "longitude": columns["latitude"]}, ["1", "2"], seen) is None
    assert seen.keep_new(["a"])
    assert not seen.keep_new(["b", "a"])
    assert seen.keep_new(["b"])


def test_a_block_without_some_of_its_rows_says_why(tmp_path: Path) -> None:
    block = next(opened(tmp_path, {"id": ["a", None, "c", "d", "e", "f"]}).blocks(10))
    left = block.without({0: "zero", 2: "NaN"})
    assert left.external_ids == ["c", "e", "f"] and left.latitudes.tolist() == [30, 50, 60]
    assert left.positions.tolist() == [2, 4, 5]
    assert [(at, item.item[-1], item.reason) for at, item in left.rejected] == [
        (0, "1", "zero"),
        (1, "2", "the id is empty"),
        (3, "4", "NaN"),
    ]
