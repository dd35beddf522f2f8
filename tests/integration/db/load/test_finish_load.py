"""When a gallery gets an index, when it loses it, and what its status says."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import Engine

from geofix.db.load.galleries import remove_gallery
from geofix.db.load.index_lifecycle import build_index, drop_index
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
from geofix.db.search import plan
from geofix.db.search import status as gallery_status
from geofix.db.search.area import Area
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from geofix.db.search.status import DRIFTED, EncoderStatus, encoder_statuses
from tests.integration.db.load.loads import one
from tests.integration.db.search.structured_gallery import add, hnsw, made

EXACT_ROWS = 200
EVERYWHERE = Search(encoder="e")


@pytest.fixture(autouse=True)
def _few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "EXACT_ROWS", EXACT_ROWS)
    monkeypatch.setattr(gallery_status, "EXACT_ROWS", EXACT_ROWS)


def finish(engine: Engine) -> list[str]:
    """Finish a load; return what was said meanwhile."""
    lines: list[str] = []
    Ingest(engine, progress=lines.append).finish("e")
    return lines


def status(engine: Engine) -> EncoderStatus:
    (found,) = encoder_statuses(engine)
    return found


def test_up_to_the_limit_there_is_no_index_and_above_there_is(engine: Engine) -> None:
    add(engine, slice(0, EXACT_ROWS), vectors=made(1500))
    assert finish(engine) == []
    assert hnsw(engine) == []
    assert status(engine).advice is None
    add(engine, slice(EXACT_ROWS, EXACT_ROWS + 1), vectors=made(1500))
    assert status(engine).advice == (
        "there is no index: searches compare with every vector; reindex"
    )
    assert finish(engine) == ["computing the mean", "building the index of 201 vectors"]
    assert [valid for _, valid in hnsw(engine)] == [True]
    found = status(engine)
    assert (found.index, found.indexed, found.photos, found.advice) == ("full", 201, 201, None)
    assert found.index_bytes > 0
    assert found.table_bytes > 201 * 2 * found.dimension


def test_the_index_is_built_anew_once_as_many_photos_are_not_in_it(engine: Engine) -> None:
    add(engine, slice(0, 300), vectors=made(1500))
    build_index(engine, "e", kind="compact")
    add(engine, slice(300, 500), vectors=made(1500))
    assert finish(engine) == []
    assert (status(engine).indexed, status(engine).photos) == (300, 500)
    add(engine, slice(500, 501), vectors=made(1500))
    assert "201 photos were added since the index" in str(status(engine).advice)
    assert finish(engine)
    # Of the kind that was chosen for it.
    assert (status(engine).index, status(engine).indexed) == ("compact", 501)


def test_a_gallery_that_shrinks_loses_its_index_and_gets_a_mean_of_its_own(engine: Engine) -> None:
    add(engine, slice(0, 80), vectors=made(1500), gallery="stays")
    add(engine, slice(80, 350), vectors=made(1500), gallery="goes")
    finish(engine)
    assert len(hnsw(engine)) == 1
    remove_gallery(engine, "goes")
    assert hnsw(engine) == []
    assert one(engine, "select count(*) from vector_indexes") == 0
    centring = Gallery(engine).centring("e")
    assert centring is not None
    mean = made(1500).vectors[:80].astype(np.float64).mean(axis=0)
    np.testing.assert_array_equal(centring.mean, mean.astype(np.float16).astype(np.float32))
    hits = Gallery(engine).nearest(made(1500).query_vectors[0], 5, EVERYWHERE)
    assert (len(hits), hits.how[0].way) == (5, "exact")


def test_between_half_and_the_limit_an_index_stays(engine: Engine) -> None:
    add(engine, slice(0, 150), vectors=made(1500), gallery="stays")
    add(engine, slice(150, 300), vectors=made(1500), gallery="goes")
    finish(engine)
    remove_gallery(engine, "goes")
    assert len(hnsw(engine)) == 1
    drop_index(engine, "e")
    assert hnsw(engine) == []
    assert len(Gallery(engine).nearest(made(1500).query_vectors[0], 5, EVERYWHERE)) == 5


def other_kind(engine: Engine, count: int) -> None:
    """Add photos that share another direction."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(count, 48)) + np.linspace(-2, 2, 48)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    photos = [GeotaggedPhoto("other", f"o{i}", 1.0, 2.0) for i in range(count)]
    Ingest(engine).add("g", "e", photos, vectors.astype(np.float32))


def test_drift_is_said_and_gone_after_a_new_index(engine: Engine) -> None:
    add(engine, slice(0, 600), vectors=made(1500))
    finish(engine)
    assert status(engine).drift == pytest.approx(0.0, abs=1e-3)
    other_kind(engine, 150)
    finish(engine)
    drift, version = status(engine).drift, status(engine).centring_version
    assert drift is not None
    assert drift > DRIFTED
    assert str(status(engine).advice).startswith(f"the mean has drifted by {drift:.0%}")
    build_index(engine, "e")
    assert status(engine).drift == pytest.approx(0.0, abs=1e-3)
    assert status(engine).advice is None
    assert status(engine).centring_version == version + 1 if version else False


def test_drift_is_what_numpy_says(engine: Engine) -> None:
    add(engine, slice(0, 300), vectors=made(1500))
    finish(engine)
    other_kind(engine, 100)
    kept = np.array(
        [
            np.fromstring(
                one(engine, f"select embedding::text from embeddings where photo_id={i}")[1:-1],
                sep=",",
            )
            for i in one(engine, "select array_agg(photo_id) from embeddings")
        ]
    )
    centring = Gallery(engine).centring("e")
    assert centring is not None
    around = kept - centring.mean
    expected = np.linalg.norm(around.mean(axis=0)) / np.sqrt((around**2).sum(axis=1).mean())
    assert status(engine).drift == pytest.approx(expected, rel=1e-3)


def test_counts_are_an_upper_bound_during_a_load_and_exact_after_it(engine: Engine) -> None:
    held = made(1500)
    add(engine, slice(0, 120), vectors=held)
    box = (-20.0, 170.0, -10.0, 180.0)
    search = Search(encoder="e", areas=(Area(boxes=(box,)),))

    def there(rows: int) -> int:
        lat, lon = held.latitude[:rows], held.longitude[:rows]
        return int(((box[0] <= lat) & (lat <= box[2]) & (box[1] <= lon) & (lon <= box[3])).sum())

    gallery = Gallery(engine)
    assert gallery.count(search) == 120
    finish(engine)
    assert gallery.count(search) == there(120) < 120
    add(engine, slice(120, 170), vectors=held)
    assert gallery.count(search) == there(120) + 50
    assert gallery.count(EVERYWHERE) == 170
    # Again the same photos: none is counted twice.
    add(engine, slice(100, 170), vectors=held)
    assert gallery.count(EVERYWHERE) == 170
    finish(engine)
    assert gallery.count(search) == there(170)
    assert one(engine, "select count(*) from cell_counts where cell = -1") == 0
    assert one(engine, "select sum(photos) from cell_counts") == 170
