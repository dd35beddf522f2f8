"""Vectors read back block by block are those that are stored, each once."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Engine, text

from geofix.db.load.ingest import Ingest
from geofix.db.search import centring as vector_stream
from geofix.db.search.centring import VectorBlock, every_block, stream_vectors
from geofix.db.search.partition import partition_of
from tests.integration.db.load.loads import one, photos, unit
from tests.integration.db.search.structured_gallery import DIMENSION, add, made


def blocks(engine: Engine) -> list[VectorBlock]:
    with engine.connect() as connection:
        partition = partition_of(connection, "e")
        assert partition is not None
        return list(stream_vectors(connection, partition))


@pytest.mark.parametrize("rows_a_block", [1, 7, 100, 499, 500, 501, 20_000])
def test_all_rows_come_once_whatever_the_size_of_a_block(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, rows_a_block: int
) -> None:
    monkeypatch.setattr(vector_stream, "BLOCK_ROWS", rows_a_block)
    held = made(1500)
    add(engine, slice(0, 500), vectors=held)
    found = blocks(engine)
    assert len(found) == -(-500 // rows_a_block)
    assert {len(block.vectors) for block in found[:-1]} <= {rows_a_block}
    ids = np.concatenate([block.photo_ids for block in found])
    first = one(engine, "select min(id) from photos")
    order = np.argsort(ids)
    assert ids[order].tolist() == list(range(first, first + 500))
    for name, expected in (
        ("latitudes", held.latitude), ("longitudes", held.longitude), ("vectors", held.vectors),
    ):  # fmt: skip
        read = np.concatenate([getattr(block, name) for block in found])[order]
        np.testing.assert_array_equal(read, expected[:500])
    assert found[0].vectors.dtype == np.float32
    assert found[0].vectors.shape[1] == DIMENSION


def test_more_rows_than_one_block_holds(engine: Engine) -> None:
    rows = vector_stream.BLOCK_ROWS + 5
    vectors = unit(rows).astype(np.float16)
    Ingest(engine).add("g", "e", photos(rows), vectors)
    found = blocks(engine)
    assert sum(len(block.vectors) for block in found) == rows
    assert len(found) == 2
    np.testing.assert_array_equal(np.concatenate([block.vectors for block in found]), vectors)
    assert len({*found[0].photo_ids, *found[1].photo_ids}) == rows


def test_an_empty_partition_has_no_blocks(engine: Engine) -> None:
    Ingest(engine).add("g", "e", photos(3), unit(3))
    with engine.begin() as connection:
        connection.execute(text("delete from embeddings"))
    assert blocks(engine) == []
    assert list(every_block(engine, "nobody")) == []


def test_whoever_stops_early_leaves_the_connection_usable(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_stream, "BLOCK_ROWS", 10)
    add(engine, slice(0, 500), vectors=made(1500))
    for _ in range(3):
        reading = every_block(engine, "e")
        assert len(next(reading).vectors) == 10
        reading.close()  # type: ignore[attr-defined]
    assert one(engine, "select count(*) from embeddings") == 500
