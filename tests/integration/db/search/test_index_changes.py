"""An index beside what comes, changes and goes after it was built."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from sqlalchemy import Engine, text

from geofix.db.errors import DatabaseError
from geofix.db.load import index_build as index_create
from geofix.db.load import index_lifecycle
from geofix.db.load.galleries import remove_gallery
from geofix.db.load.index_build import INDEX_LOCK, index_session, remove_others
from geofix.db.load.index_lifecycle import build_index
from geofix.db.load.ingest import Ingest
from geofix.db.search import plan
from geofix.db.search.area import Area
from geofix.db.search.gallery import Gallery
from geofix.db.search.partition import partition_of
from geofix.db.search.query import Search
from tests.integration.db.load.loads import one, photo
from tests.integration.db.search.structured_gallery import (
    add,
    hnsw,
    is_exact,
    likeness,
    made,
    share_found,
)

K = 16
EVERYWHERE = Search(encoder="e")
EVERY = np.ones(1500, dtype=bool)


@pytest.fixture(autouse=True)
def _few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "EXACT_ROWS", 100)


def indexed(engine: Engine, rows: int = 1500) -> None:
    add(engine, slice(0, rows), vectors=made(1500))
    build_index(engine, "e", m=8, ef_construction=32)


def test_photos_that_came_after_the_index_are_found_at_once(engine: Engine) -> None:
    indexed(engine, 1000)
    gallery = Gallery(engine)
    # What is known of the vectors from here on is from before the others came.
    before = gallery.nearest(made(1500).vectors[7].astype(np.float32), K, EVERYWHERE)
    assert len(before) == K
    add(engine, slice(1000, 1500), vectors=made(1500))
    later = np.arange(1500) >= 1000
    for number in (1000, 1234, 1499):
        query = made(1500).vectors[number].astype(np.float32)
        hits = gallery.nearest(query, K, EVERYWHERE)
        assert hits[0].external_id == str(number)
        (how,) = hits.how
        assert (how.way, how.unindexed, how.rows) == ("index", True, 1500)
        like = likeness(engine, query, rows=1500)
        assert share_found(hits, like, EVERY, K, 1) >= 0.9
        # Of those that came later each one that belongs to the answer is there.
        last = np.sort(like)[-K]
        best = {str(at) for at in np.flatnonzero((like > last + 1e-3) & later)}
        assert best <= {hit.external_id for hit in hits}
    far = gallery.most_dissimilar(query, K, EVERYWHERE)
    assert share_found(far, like, EVERY, K, -1) >= 0.9


def test_a_photo_that_moved_is_found_where_it_is_now(engine: Engine) -> None:
    indexed(engine)
    kept = made(1500).vectors[5]
    there = Area(boxes=((60.0, 60.0, 60.5, 60.5),))
    moved = replace(photo(5), external_id="5", latitude=60.2, longitude=60.3, country="RU")
    Ingest(engine).amend("g", [moved])
    query = kept.astype(np.float32)
    gallery = Gallery(engine)
    assert gallery.nearest(query, 3, EVERYWHERE)[0].external_id == "5"
    for area in (there, Area(country="RU")):
        hits = gallery.nearest(query, 3, Search(encoder="e", areas=(area,)))
        assert [hit.external_id for hit in hits] == ["5"]
    hits = gallery.nearest(query, 3, Search(encoder="e", outside=(there,)))
    assert "5" not in {hit.external_id for hit in hits}


def test_a_photo_with_another_vector_is_found_by_the_new_one_only(engine: Engine) -> None:
    indexed(engine)
    query = made(1500).query_vectors[:1]
    at_five = replace(photo(5), external_id="5")
    assert Ingest(engine).add("g", "e", [at_five], query).updated == 1
    hits = Gallery(engine).nearest(query[0], 1, EVERYWHERE)
    assert (hits[0].external_id, hits.how[0].way) == ("5", "index")
    assert hits[0].similarity == pytest.approx(1.0, abs=1e-3)
    old = made(1500).vectors[5].astype(np.float32)
    assert Gallery(engine).nearest(old, 1, EVERYWHERE)[0].similarity < 0.99
    assert hits.rows == 1500


def test_a_removed_gallery_is_not_found_along_the_index(engine: Engine) -> None:
    add(engine, slice(0, 700), vectors=made(1500), gallery="goes")
    add(engine, slice(700, 1500), vectors=made(1500), gallery="stays")
    build_index(engine, "e", m=8, ef_construction=32)
    gallery = Gallery(engine)
    query = made(1500).vectors[3].astype(np.float32)
    assert gallery.nearest(query, K, EVERYWHERE)[0].external_id == "3"
    remove_gallery(engine, "goes")
    stays = np.arange(1500) >= 700
    hits = gallery.nearest(query, K, EVERYWHERE)
    assert hits.rows == 800
    assert share_found(hits, likeness(engine, query, rows=1500), stays, K, 1) >= 0.9


def test_the_index_is_gone_along_past_removed_photos_that_fill_its_view(engine: Engine) -> None:
    indexed(engine)
    query = made(1500).vectors[3].astype(np.float32)
    like = likeness(engine, query, rows=1500)
    removed = np.argsort(-like)[:1000]
    with engine.begin() as connection:
        # Not vacuumed: they still lie in the graph.
        connection.execute(
            text(
                "delete from embeddings e using photos p"
                " where p.id = e.photo_id and p.external_id = any(:removed)"
            ),
            {"removed": [str(number) for number in removed]},
        )
    hits = Gallery(engine).nearest(query, K, EVERYWHERE)
    (how,) = hits.how
    assert (how.way, how.note) == ("index", None)
    assert how.ef_search is not None
    assert how.ef_search < len(removed)
    stays = np.ones(1500, dtype=bool)
    stays[removed] = False
    assert share_found(hits, like, stays, K, 1) >= 0.9


@pytest.mark.parametrize("kind", ["full", "compact"])
def test_either_kind_of_index_finds_what_numpy_finds(engine: Engine, kind: str) -> None:
    add(engine, vectors=made(1500))
    build_index(engine, "e", kind=kind)  # type: ignore[arg-type]
    shares = []
    for query in made(1500).query_vectors[:10]:
        like = likeness(engine, query, rows=1500)
        hits = Gallery(engine).nearest(query, K, EVERYWHERE)
        assert hits.how[0].index == f"embeddings_1_{kind}_1"
        shares.append(share_found(hits, like, EVERY, K, 1))
        # What one bit a dimension brought is ranked by the vectors themselves.
        similarities = [hit.similarity for hit in hits]
        assert similarities == sorted(similarities, reverse=True)
        np.testing.assert_allclose(
            similarities, like[[int(hit.external_id) for hit in hits]], atol=3e-4
        )
    assert np.mean(shares) >= (0.99 if kind == "full" else 0.9)


def test_searches_go_on_while_the_index_is_built_anew(engine: Engine) -> None:
    indexed(engine)
    done = Event()
    query = made(1500).query_vectors[0]

    def searched(step: int) -> list[int]:
        found, known = [], Gallery(engine)
        while not done.is_set():
            # One that knows the gallery, and one that comes anew.
            for gallery in (known, Gallery(engine)):
                hits = (gallery.nearest, gallery.most_dissimilar)[step % 2](query, K, EVERYWHERE)
                found.append(len(hits))
        return found

    with ThreadPoolExecutor(2) as pool:
        searches = [pool.submit(searched, step) for step in range(2)]
        try:
            for _ in range(3):
                build_index(engine, "e", m=8, ef_construction=32)
        finally:
            done.set()
        found = [number for search in searches for number in search.result()]
    assert len(found) > 4
    assert set(found) == {K}
    assert hnsw(engine) == [("embeddings_1_full_4", True)]
    assert one(engine, "select array_agg(version) from centrings") == [4]
    assert one(engine, "select name from vector_indexes") == "embeddings_1_full_4"


def test_what_a_killed_build_left_is_removed(engine: Engine) -> None:
    indexed(engine)
    with engine.begin() as connection:
        connection.execute(
            text(
                "create index embeddings_1_full_2 on embeddings_1 using hnsw"
                " ((embedding::halfvec(48)) halfvec_cosine_ops) where photo_id < 10"
            )
        )
        connection.execute(
            text(
                "update pg_index set indisvalid = false"
                " where indexrelid = 'embeddings_1_full_2'::regclass"
            )
        )
    assert hnsw(engine) == [("embeddings_1_full_1", True), ("embeddings_1_full_2", False)]
    build_index(engine, "e", m=8, ef_construction=32)
    assert hnsw(engine) == [("embeddings_1_full_2", True)]


def test_a_build_that_fails_leaves_the_index_before_in_force(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed(engine)

    def fail(*args: object) -> None:
        raise RuntimeError("cut off here")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="cut off"):
        patched.setattr(index_lifecycle, "_swap", fail)
        build_index(engine, "e", m=8, ef_construction=32)
    assert one(engine, "select name from vector_indexes") == "embeddings_1_full_1"
    query = made(1500).query_vectors[0]
    hits = Gallery(engine).nearest(query, K, EVERYWHERE)
    assert (hits.how[0].index, len(hits)) == ("embeddings_1_full_1", K)
    build_index(engine, "e", m=8, ef_construction=32)
    assert hnsw(engine) == [("embeddings_1_full_2", True)]


def test_graphs_that_a_killed_build_left_are_removed_and_those_in_force_stay(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(engine, vectors=made(1500))
    build_index(engine, "e", m=8, ef_construction=32, parts=3)
    in_force = [(f"embeddings_1_full_1_{part}", True) for part in range(3)]

    def fail(*args: object) -> None:
        raise RuntimeError("cut off here")

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="cut off"):
        patched.setattr(index_lifecycle, "_swap", fail)
        build_index(engine, "e", m=8, ef_construction=32, parts=2)
    assert len(hnsw(engine)) == 5
    query = made(1500).query_vectors[0]
    hits = Gallery(engine).nearest(query, K, EVERYWHERE)
    assert (hits.how[0].index, len(hits)) == ("embeddings_1_full_1", K)
    with index_session(engine) as session:
        partition = partition_of(session.connection, "e")
        assert partition is not None
        remove_others(session.connection, partition)
    assert hnsw(engine) == in_force
    build_index(engine, "e", m=8, ef_construction=32)
    assert hnsw(engine) == [("embeddings_1_full_2", True)]


def test_a_build_changes_no_settings_for_others(engine: Engine) -> None:
    names = ("maintenance_work_mem", "max_parallel_maintenance_workers", "statement_timeout")
    before = [one(engine, f"show {name}") for name in names]
    indexed(engine)
    assert [one(engine, f"show {name}") for name in names] == before
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_builds_at_once_take_turns(engine: Engine) -> None:
    add(engine, vectors=made(1500))
    with ThreadPoolExecutor(2) as pool:
        builds = [pool.submit(build_index, engine, "e", m=8, ef_construction=32) for _ in range(2)]
        for build in builds:
            build.result()
    assert hnsw(engine) == [("embeddings_1_full_2", True)]


def test_whoever_holds_on_to_the_right_to_change_indexes_is_named(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(engine, slice(0, 300), vectors=made(1500))
    monkeypatch.setattr(index_create, "LONGEST_TURN_S", -1)
    with engine.connect() as holder:
        pid = holder.execute(
            text("select pg_backend_pid() from pg_advisory_lock(:key)"), {"key": INDEX_LOCK}
        ).scalar_one()
        with pytest.raises(DatabaseError, match=rf"server processes \[{pid}\] have held the lock"):
            build_index(engine, "e")
        holder.execute(text("select pg_advisory_unlock(:key)"), {"key": INDEX_LOCK})
    build_index(engine, "e")


def test_a_search_of_the_exact_way_needs_no_index(engine: Engine) -> None:
    indexed(engine)
    with engine.begin() as connection:
        connection.execute(text("drop index embeddings_1_full_1"))
    query = made(1500).query_vectors[0]
    hits = Gallery(engine).nearest(query, K, EVERYWHERE)
    is_exact(hits, likeness(engine, query, rows=1500), EVERY, K, 1)
