"""Large loads, whose photos and vectors go in over two connections at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from threading import Barrier, current_thread, main_thread
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, text

from geofix.db.errors import DatabaseError, GalleryError
from geofix.db.load import ingest, vector_load
from geofix.db.load.ingest import WORTH_TWO, Ingest
from geofix.db.load.vector_rows import VectorTuples
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from tests.integration.db.load.loads import counts, one, photo, photos, unit
from tests.integration.db.load.test_ingest_concurrency import hold, wait_for

ROWS = WORTH_TWO + 100
ROOT = Path(__file__).parents[4]
NAMES = [f"p{index}" for index in range(ROWS)]

LOAD = """
import sys
from geofix.db.engine import open_engine
from geofix.db.load.ingest import Ingest
from tests.integration.db.load.loads import photos, unit
rows = int(sys.argv[2])
Ingest(open_engine(sys.argv[1])).add("g", "e", photos(rows), unit(rows))
"""


def test_a_large_load_is_whole(engine: Engine) -> None:
    Ingest(engine).add("g", "e", photos(10), unit(10))
    added = Ingest(engine).add("g", "e", photos(ROWS), unit(ROWS, seed=1))
    assert (added.new, added.updated) == (ROWS - 10, 10)
    found = counts(engine)
    assert found["photos"] == found["embeddings"] == ROWS
    # Each photo has its own vector, those that were there too.
    vectors = unit(ROWS, seed=1)
    gallery, search = Gallery(engine), Search(encoder="e")
    for number in (0, 9, 10, 1500, ROWS - 1):
        hits = gallery.nearest(vectors[number], 3, search)
        assert f"p{number}" in {hit.external_id for hit in hits}


def test_a_large_load_that_is_killed_leaves_photos_that_are_not_known(
    engine: Engine, database_url: str
) -> None:
    Ingest(engine).add("g", "e", [photo(0)], unit(1))
    copying = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and wait_event_type = 'Lock' and query like 'copy embeddings%'"
    )
    others = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'geofix' and pid <> pg_backend_pid()"
        " and state <> 'idle' and query like 'copy%'"
    )
    with engine.connect() as blocker:
        hold(blocker, "before insert on embeddings")
        load = subprocess.Popen(
            [sys.executable, "-c", LOAD, database_url, str(ROWS)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        # Its photos have come over the other connection, and wait there to be committed.
        wait_for(lambda: one(engine, copying) == 1)
        os.kill(load.pid, signal.SIGKILL)
        assert load.wait(60) == -signal.SIGKILL
        blocker.execute(text("select pg_advisory_unlock(1)"))
        blocker.commit()
    wait_for(lambda: one(engine, others) == 0)
    with engine.begin() as connection:
        connection.execute(text("drop function wait_here cascade"))
    assert Ingest(engine).known("g", "made", "e", NAMES).keys() == {"p0"}
    completed(engine)


def test_vectors_go_over_both_connections_and_are_counted_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ingest(engine).add("g", "e", photos(10), unit(10))
    both_take_vectors(monkeypatch)
    new = [photo(-index) for index in range(1, ROWS + 1)]
    assert Ingest(engine).add("g", "e", new, unit(ROWS, seed=1)).new == ROWS
    assert one(engine, "select count(distinct xmin::text) from embeddings") == 3
    found = counts(engine)
    assert found["photos"] == found["embeddings"] == ROWS + 10
    assert one(engine, "select sum(photos) from cell_counts") == ROWS + 10
    state = "select newest = (select max(id) from photos) from encoders"
    assert one(engine, state)
    vectors, search = unit(ROWS, seed=1), Search(encoder="e")
    for number in (0, 700, ROWS - 1):
        best = Gallery(engine).nearest(vectors[number], 1, search)[0]
        assert best.external_id == f"p{-number - 1}"


def test_a_load_cut_off_between_its_two_commits_is_completed_by_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ingest(engine).add("g", "e", [photo(-1)], unit(1))
    count_load = vector_load.count_load

    def cut_off(connection: Connection, *counted: Any) -> None:
        if current_thread() is main_thread():
            # What the other connection was sent is committed, and this one cannot be.
            pid = connection.execute(text("select pg_backend_pid()")).scalar()
            assert one(engine, "select pg_terminate_backend(:pid, 10000)", pid=pid)
        count_load(connection, *counted)

    with monkeypatch.context() as patched, pytest.raises(DatabaseError, match="terminat"):
        both_take_vectors(patched)
        patched.setattr(vector_load, "count_load", cut_off)
        Ingest(engine).add("g", "e", photos(ROWS), unit(ROWS))
    assert one(engine, "select count(*) from photos") == ROWS + 1
    whole = one(engine, "select count(*) from embeddings") - 1
    assert 0 < whole < ROWS
    # Those with a vector are there for all purposes, and the others for none.
    assert len(Ingest(engine).known("g", "made", "e", NAMES)) == whole
    assert one(engine, "select sum(photos) from cell_counts") == whole + 1
    assert Gallery(engine).count(Search(encoder="e")) == whole + 1
    assert len(Gallery(engine).nearest(unit(1)[0], ROWS, Search(encoder="e"))) == whole + 1
    completed(engine, others=1)


@pytest.mark.parametrize("fails", ["photos", "vectors"])
def test_the_first_load_of_all_that_fails_leaves_a_gallery_without_photos(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("cut off here")

    where = (ingest, "insert_photos") if fails == "photos" else (vector_load, "copy_vectors")
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="cut off here"):
        patched.setattr(*where, fail)
        Ingest(engine).add("g", "e", photos(ROWS), unit(ROWS))
    found = counts(engine)
    assert (found["galleries"], found["photos"], found["embeddings"]) == (1, 0, 0)
    with pytest.raises(GalleryError, match="empty"):
        Gallery(engine).require(Search(encoder="e"))
    completed(engine)


def test_the_first_load_of_all_goes_over_two_connections_too(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_take_vectors(monkeypatch)
    Ingest(engine).add("g", "e", photos(ROWS), unit(ROWS))
    assert one(engine, "select count(distinct xmin::text) from embeddings") == 2
    assert one(engine, "select count(*) from embeddings") == ROWS


def test_an_encoder_without_a_partition_is_no_hindrance(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("insert into galleries (name) values ('g')"))
        connection.execute(text("insert into encoders (name, dimension) values ('e', 4)"))
    completed(engine)


@pytest.mark.parametrize("fails", ["photos", "vectors"])
def test_a_large_load_that_fails_stores_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    Ingest(engine).add("g", "e", [photo(0)], unit(1))
    before = counts(engine)

    def fail(*args: object, **options: object) -> None:
        raise RuntimeError("cut off here")

    where = (ingest, "insert_photos") if fails == "photos" else (vector_load, "copy_vectors")
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="cut off here"):
        patched.setattr(*where, fail)
        Ingest(engine).add("g", "e", photos(ROWS), unit(ROWS))
    assert counts(engine) == before
    assert Gallery(engine).count(Search(encoder="e")) == 1
    completed(engine)


@pytest.mark.parametrize("value", [np.nan, 1e6])
@pytest.mark.parametrize("row", [0, ROWS - 2])
def test_a_vector_that_is_not_finite_leaves_nothing_stored(
    engine: Engine, value: float, row: int
) -> None:
    vectors = unit(ROWS)
    vectors[row, 1] = value
    with pytest.raises(GalleryError, match="encoder 'e' gave a vector that is not finite"):
        Ingest(engine).add("g", "e", photos(ROWS), vectors)
    found = counts(engine)
    assert (found["photos"], found["embeddings"]) == (0, 0)
    completed(engine)


def both_take_vectors(patched: pytest.MonkeyPatch) -> None:
    """Have each of two connections wait, its first vectors sent, until the other has sent some."""
    barrier = Barrier(2)
    blocks = VectorTuples.blocks

    def met(rows: VectorTuples, *, from_end: bool = False) -> Generator[memoryview, None, None]:
        given = blocks(rows, from_end=from_end)
        yield next(given)
        barrier.wait(30)
        yield from given

    patched.setattr(VectorTuples, "blocks", met)


def completed(engine: Engine, others: int = 0) -> None:
    """Check that the next load of the same photos makes them whole."""
    Ingest(engine).add("g", "e", photos(ROWS), unit(ROWS))
    found = counts(engine)
    assert found["photos"] == found["embeddings"] == ROWS + others
    assert len(Ingest(engine).known("g", "made", "e", NAMES)) == ROWS
    assert Gallery(engine).count(Search(encoder="e")) == ROWS + others
    vectorless = "select count(*) from photos where id not in (select photo_id from embeddings)"
    assert one(engine, vectorless) == 0
    assert np.isfinite(Gallery(engine).nearest(unit(1)[0], 1, Search(encoder="e"))[0].similarity)
