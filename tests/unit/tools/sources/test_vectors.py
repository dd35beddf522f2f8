from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from geofix.tools.errors import SourceError
from geofix.tools.sources import NpySource, ParquetVectorSource, VectorSource, open_source
from geofix.tools.sources.placed_block import block_of
from geofix.tools.sources.rows import PlacedRow
from geofix.tools.sources.table import CsvTable
from geofix.tools.sources.vector_files import FIRST_BLOCK, batches_of


def table(path: Path, rows: int) -> Path:
    lines = "".join(f"p{at},{at % 80 + 5},{at % 170},ann\n" for at in range(rows))
    path.write_text("IMG_ID,LAT,LON,AUTHOR\n" + lines)
    return path


def vectors(rows: int, dimension: int = 4) -> NDArray[np.float64]:
    made = np.random.default_rng(7).normal(size=(rows, dimension)) * 3
    made[0] /= np.linalg.norm(made[0])
    return made


def saved(folder: Path, kind: str, made: NDArray[Any]) -> VectorSource:
    if kind == "npy":
        np.save(folder / "v.npy", made)
        table(folder / "v.csv", len(made))
        source = open_source(folder / "v.npy")
    else:
        rows = range(len(made))
        columns: dict[str, Any] = {"id": [f"p{at}" for at in rows], "author": ["ann"] * len(made)}
        columns |= {"lat": [at % 80 + 5.0 for at in rows], "lon": [at % 170 for at in rows]}
        element = pa.from_numpy_dtype(made.dtype)
        size = made.shape[1] if kind == "fixed" else -1
        column = pa.array(list(made), pa.list_(element, size))
        pq.write_table(
            pa.table(columns | {"Embedding": column}), folder / "v.parquet", row_group_size=3
        )
        source = open_source(folder / "v.parquet")
    assert isinstance(source, VectorSource)
    return source


@pytest.mark.parametrize("kind", ["npy", "list", "fixed"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_vectors_come_with_their_rows_and_of_unit_length(
    tmp_path: Path, kind: str, dtype: type
) -> None:
    made = vectors(10).astype(dtype)
    source = saved(tmp_path, kind, made)
    assert (source.total(), source.dimension) == (10, 4)
    batches = list(source.batches(4))
    assert all(len(batch.external_ids) <= 4 and not batch.rejected for batch in batches)
    names = [name for batch in batches for name in batch.external_ids]
    assert names == [f"p{at}" for at in range(10)]
    assert np.concatenate([batch.latitudes for batch in batches]).tolist() == list(range(5, 15))
    assert batches[0].authors == ["ann"] * len(batches[0].authors)
    found = np.concatenate([batch.vectors for batch in batches])
    assert found.dtype == (np.float16 if dtype is np.float16 else np.float32)
    wide = made.astype(np.float64)
    wanted = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    assert np.allclose(found, wanted, atol=1e-3 if dtype is np.float16 else 1e-6)


@pytest.mark.parametrize("kind", ["npy", "list", "fixed"])
def test_a_vector_that_is_none_is_one_line(tmp_path: Path, kind: str) -> None:
    made = vectors(6).astype(np.float32)
    made[1], made[3, 2], made[4, 0] = 0, np.nan, np.inf
    made[5] = 1e30
    batches = list(saved(tmp_path, kind, made).batches(6))
    reasons = [item.reason for batch in batches for item in batch.rejected]
    assert reasons == ["its vector is zero", *["its vector is missing or not finite"] * 2]
    kept = [name for batch in batches for name in batch.external_ids]
    assert kept == ["p0", "p2", "p5"]
    assert np.allclose(batches[-1].vectors[-1], 0.5)


def test_halves_at_the_ends_of_their_range_are_brought_to_unit_length(tmp_path: Path) -> None:
    made = np.zeros((6, 300), np.float16)
    made[0, :2], made[1], made[2, 299], made[3] = [3, 4], 60_000, 6e-8, 2e-4
    made[4, 7], made[5, 8] = np.nan, -np.inf
    (batch,) = saved(tmp_path, "npy", made).batches(10)
    assert batch.external_ids == ["p0", "p1", "p2", "p3"]
    assert batch.vectors[0, :2].tolist() == np.array([0.6, 0.8], np.float16).tolist()
    np.testing.assert_allclose(batch.vectors[[1, 3]].astype(float), 300**-0.5, rtol=1e-3)
    assert batch.vectors[2, 299] == 1
    reasons = [item.reason for item in batch.rejected]
    assert reasons == ["its vector is missing or not finite"] * 2


def test_the_first_batches_are_small_so_that_storing_begins_soon(tmp_path: Path) -> None:
    rows, size = 11 * FIRST_BLOCK, 4 * FIRST_BLOCK
    np.save(tmp_path / "v.npy", np.ones((rows, 1), np.float32))
    place = {"id": np.arange(rows), "lat": np.full(rows, 10.0), "lon": np.full(rows, 20.0)}
    pq.write_table(pa.table(place), tmp_path / "v.parquet")
    source = NpySource(tmp_path / "v.npy", tmp_path / "v.parquet")
    batches = list(source.batches(size))
    assert [len(batch.vectors) for batch in batches] == [FIRST_BLOCK * n for n in (1, 2, 4, 4)]
    assert [batch.external_ids[0] for batch in batches] == [
        str(FIRST_BLOCK * n) for n in (0, 1, 3, 7)
    ]
    assert [len(batch.vectors) for batch in source.batches(1024)] == [1024] * (rows // 1024)


def test_vectors_of_a_file_are_not_copied_unless_rows_are_left_out(tmp_path: Path) -> None:
    made = np.tile(np.eye(2, dtype=np.float32), (3000, 1))
    np.save(tmp_path / "v.npy", made)
    place = {"id": np.arange(6000), "lat": np.full(6000, 10.0), "lon": np.full(6000, 20.0)}
    place["lat"][5000] = np.nan
    pq.write_table(pa.table(place), tmp_path / "v.parquet")
    first, last = NpySource(tmp_path / "v.npy", tmp_path / "v.parquet").batches(4096)
    assert (len(first.vectors), len(last.vectors)) == (4096, 1903)
    assert not first.vectors.flags.owndata and last.vectors.flags.owndata
    np.testing.assert_array_equal(first.vectors, made[:4096])
    np.testing.assert_array_equal(last.vectors, np.delete(made, 5000, axis=0)[4096:])


def test_vectors_that_do_not_follow_one_another_are_brought_together() -> None:
    whole = np.eye(8, dtype=np.float32)
    rows = [
        PlacedRow(f"row {at}", f"p{at}", {}, 1.0, 2.0, 0.0, None, None, None, None)
        for at in range(8)
    ]
    parts = [slice(4, 6), slice(0, 2), slice(6, 8)]
    (batch,) = batches_of([(block_of(rows[part]), whole[part]) for part in parts], 10)
    assert batch.external_ids == ["p4", "p5", "p0", "p1", "p6", "p7"]
    np.testing.assert_array_equal(batch.vectors, whole[[4, 5, 0, 1, 6, 7]])


def test_a_row_without_a_place_takes_its_vector_with_it(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.eye(3, dtype=np.float32))
    (tmp_path / "t.csv").write_text("id,lat,lon\na,10,20\nb,,20\nc,30,40\n")
    source = open_source(tmp_path / "v.npy", table=tmp_path / "t.csv")
    assert isinstance(source, NpySource)
    (batch,) = source.batches(100)
    assert batch.external_ids == ["a", "c"] and batch.vectors[1].tolist() == [0, 0, 1]
    assert [item.item for item in batch.rejected] == ["t.csv line 3"]


@pytest.mark.parametrize("kind", ["npy", "list"])
def test_each_row_keeps_its_vector_where_many_blocks_make_a_batch(
    tmp_path: Path, kind: str
) -> None:
    made = np.eye(3000, 3, dtype=np.float32) + [1, 0, 0] * np.arange(3000)[:, None]
    made[7], made[1500, 1], made[2999] = 0, np.nan, 1e-25
    source = saved(tmp_path, kind, made.astype(np.float32))
    batches = list(source.batches(2500))
    assert sum(len(batch.external_ids) + len(batch.rejected) for batch in batches) == 3000
    assert all(len(batch.vectors) == len(batch.external_ids) <= 2500 for batch in batches)
    found = {
        name: vector
        for batch in batches
        for name, vector in zip(batch.external_ids, batch.vectors, strict=True)
    }
    assert {"p7", "p1500"}.isdisjoint(found) and len(found) == 2998
    for name, vector in found.items():
        wanted = made[int(name[1:])].astype(np.float64)
        np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-6)


@pytest.mark.parametrize(("rows", "how_many"), [(2, "fewer"), (4, "more")])
def test_a_table_that_turns_out_of_another_length_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, how_many: str
) -> None:
    np.save(tmp_path / "v.npy", vectors(3))
    monkeypatch.setattr(CsvTable, "total", lambda table: 3)
    source = NpySource(tmp_path / "v.npy", table(tmp_path / "v.csv", rows))
    with pytest.raises(SourceError, match=f"has {how_many} rows than there are vectors"):
        list(source.batches(100))


def test_a_missing_or_short_list_is_one_line(tmp_path: Path) -> None:
    column = pa.array([None, [1.0, 0.0], [1.0], [0.0, 2.0], [None, 1.0]], pa.list_(pa.float32()))
    place = {"id": list("abcde"), "lat": [10.0] * 5, "lon": [20.0] * 5}
    pq.write_table(pa.table(place | {"embedding": column}), tmp_path / "v.parquet")
    source = ParquetVectorSource(tmp_path / "v.parquet")
    (batch,) = source.batches(10)
    assert (source.dimension, batch.external_ids) == (2, ["b", "d"])
    assert batch.vectors.tolist() == [[1, 0], [0, 1]] and len(batch.rejected) == 3


def test_lists_that_only_have_the_right_length_together_are_not_cut_anew(tmp_path: Path) -> None:
    column = pa.array([[1.0, 0.0], [1.0], [0.0, 2.0, 3.0]], pa.list_(pa.float32()))
    place = {"id": list("abc"), "lat": [10.0] * 3, "lon": [20.0] * 3}
    pq.write_table(pa.table(place | {"embedding": column}), tmp_path / "v.parquet")
    (batch,) = ParquetVectorSource(tmp_path / "v.parquet").batches(10)
    assert batch.external_ids == ["a"] and len(batch.rejected) == 2


@pytest.mark.parametrize(
    ("made", "rows", "reason"),
    [
        (vectors(3), 4, "has 3 vectors and the table .* 4 rows"),
        (np.zeros(3), 3, r"are \[3\] instead of one array \[n, dimension\]"),
        (np.zeros((0, 4)), 3, r"are \[0, 4\] instead of"),
        (np.ones((3, 4), np.int8), 3, "have the type int8; give float16"),
        (np.ones((3, 4), np.longdouble), 3, "give float16"),
        (np.asfortranarray(vectors(3)), 3, "column by column"),
        (np.array([[None]]), 1, "cannot be read: .*Python objects"),
    ],
)
def test_an_array_of_another_shape_or_kind_is_refused(
    tmp_path: Path, made: NDArray[Any], rows: int, reason: str
) -> None:
    np.save(tmp_path / "v.npy", made)
    with pytest.raises(SourceError, match=reason):
        NpySource(tmp_path / "v.npy", table(tmp_path / "v.csv", rows))


def test_what_is_no_array_or_has_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.npy").write_bytes(b"not numpy")
    with pytest.raises(SourceError, match=r"there is no table beside .*; give it with --table"):
        open_source(tmp_path / "v.npy")
    table(tmp_path / "v.csv", 3)
    with pytest.raises(SourceError, match=r"v\.npy' cannot be read"):
        open_source(tmp_path / "v.npy")
    np.save(tmp_path / "v.npy", vectors(3))
    (tmp_path / "v.npy").write_bytes((tmp_path / "v.npy").read_bytes()[:150])
    with pytest.raises(SourceError, match=r"v\.npy' cannot be read"):
        open_source(tmp_path / "v.npy")


def test_ten_gigabytes_are_mapped_and_not_read(tmp_path: Path) -> None:
    rows, dimension = 1_700_000, 1536
    made = np.lib.format.open_memmap(
        tmp_path / "v.npy", mode="w+", dtype=np.float32, shape=(rows, dimension)
    )
    made[:100] = 1
    del made
    assert (tmp_path / "v.npy").stat().st_size > 10e9
    place = {"id": np.arange(rows), "lat": np.full(rows, 10.0), "lon": np.full(rows, 20.0)}
    pq.write_table(pa.table(place), tmp_path / "v.parquet")
    before = psutil.Process().memory_info().rss
    source = NpySource(tmp_path / "v.npy", tmp_path / "v.parquet")
    batch = next(iter(source.batches(100)))
    assert batch.vectors.shape == (100, dimension) and batch.external_ids[:2] == ["0", "1"]
    assert psutil.Process().memory_info().rss - before < 200_000_000
