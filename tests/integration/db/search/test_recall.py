from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Engine

from geofix.db.errors import GalleryError
from geofix.db.load.index_lifecycle import build_index
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.search import plan
from geofix.db.search.status import check_recall
from tests.integration.db.search.structured_gallery import add, made


def test_exact_searches_find_all(engine: Engine) -> None:
    add(engine, slice(0, 400), vectors=made(1500))
    Ingest(engine).finish("e")
    for way in check_recall(engine, "e", queries=20, k=7):
        assert (way.recall, way.worst, way.way) == (1.0, 1.0, "exact")
        assert 0 < way.median_ms <= way.p95_ms


def test_without_a_mean_vectors_are_compared_raw(engine: Engine) -> None:
    add(engine, slice(0, 10), vectors=made(1500))
    assert [way.recall for way in check_recall(engine, "e", queries=5, k=16)] == [1.0, 1.0]


def test_a_bad_index_is_found_out(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in (("EXACT_ROWS", 10), ("NEAREST_EF", 1), ("DISSIMILAR_EF", 1)):
        monkeypatch.setattr(plan, name, number)
    add(engine, vectors=made(1500))
    build_index(engine, "e", m=2, ef_construction=4)
    nearest, dissimilar = check_recall(engine, "e", queries=30, k=8)
    assert nearest.way == dissimilar.way == "index"
    assert nearest.recall < 0.9
    assert dissimilar.recall < 0.9
    assert nearest.worst < nearest.recall
    build_index(engine, "e")
    assert check_recall(engine, "e", queries=30, k=8)[0].recall > nearest.recall


def test_searches_that_leave_photos_out_are_found_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(engine, slice(0, 400), vectors=made(1500))
    Ingest(engine).finish("e")
    even = "geofix.db.search.exact.query_conditions"
    monkeypatch.setattr(even, lambda partition, asked: [partition.table.c.photo_id % 2 == 0])
    for way in check_recall(engine, "e", queries=20, k=8):
        assert 0.2 < way.recall < 0.8


def test_pictures_in_two_galleries_are_one_answer_each(engine: Engine) -> None:
    held = made(1500)
    for gallery in ("one", "two"):
        photos = [
            GeotaggedPhoto("made", str(i), float(i % 90), 0.0, sha256=f"hash-{i}")
            for i in range(300)
        ]
        Ingest(engine).add(gallery, "e", photos, held.vectors[:300])
    Ingest(engine).finish("e")
    # Of another encoder and no copy among these vectors.
    one = GeotaggedPhoto("made", "x", 1.0, 0.0, sha256="hash-0")
    Ingest(engine).add("three", "other", [one], held.vectors[:1])
    for way in check_recall(engine, "e", queries=20, k=10):
        assert way.recall == 1.0


def test_an_encoder_without_vectors_is_an_error(engine: Engine) -> None:
    with pytest.raises(GalleryError, match="'nobody'"):
        check_recall(engine, "nobody")


def test_the_same_seed_asks_the_same(engine: Engine) -> None:
    add(engine, slice(0, 300), vectors=made(1500))
    Ingest(engine).finish("e")
    first, again = (check_recall(engine, "e", queries=5, k=3, seed=4) for _ in range(2))
    assert np.array_equal([way.recall for way in first], [way.recall for way in again])
