"""Loads beside other loads, questions and searches, and a load that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from geofix.db.engine import open_engine
from geofix.db.load.galleries import remove_gallery
from geofix.db.load.ingest import Ingest
from geofix.db.load.photo_rows import as_columns
from geofix.db.runs import QueryPhoto, QueryPhotos
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from tests.integration.db.load.loads import counts, one, photos, unit


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Let `count` threads begin `work` at one moment; the first error is raised."""
    barrier = Barrier(count)

    def run(index: int) -> Any:
        barrier.wait()
        return work(index)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_loads_at_once_of_one_new_gallery_and_encoder(engine: Engine) -> None:
    def load(index: int) -> int:
        order = photos(40) if index % 2 else photos(40)[::-1]
        added = Ingest(engine).add("g", "e", order, unit(40, seed=index))
        Ingest(engine).finish("e")
        return added.new

    assert sorted(together(4, load)) == [0, 0, 0, 40]
    assert counts(engine) == {
        "encoders": 1, "galleries": 1, "photos": 40, "embeddings": 40, "centrings": 1,
        "partitions": 3,
    }  # fmt: skip
    assert one(engine, "select version from centrings") == 4


def test_loads_at_once_of_new_encoders_of_unlike_dimension(engine: Engine) -> None:
    def load(index: int) -> int:
        vectors = unit(20, dimension=3 + index)
        return Ingest(engine).add("g", f"e{index}", photos(20), vectors).new

    assert sum(together(4, load)) == 20
    found = counts(engine)
    assert (found["encoders"], found["photos"], found["embeddings"]) == (4, 20, 80)


def test_loads_removals_questions_and_searches_at_once(engine: Engine) -> None:
    asked = QueryPhoto("ab", b"jpeg", 1, 1, "JPEG", None, [])
    QueryPhotos(engine).keep(asked)
    Ingest(engine).add("old", "e0", photos(20), unit(20))

    def work(index: int) -> None:
        for step in range(5):
            name = f"e{step}"
            if index == 0:
                Ingest(engine).add("g", name, photos(20), unit(20))
            elif index == 1:
                QueryPhotos(engine).keep_vector("ab", name, unit(1)[0])
            elif index == 2:
                Gallery(engine).nearest(unit(1)[0], 3, Search(encoder=name))
            elif step == 2:
                remove_gallery(engine, "old")

    together(4, work)
    assert counts(engine)["embeddings"] == 100


def test_a_question_and_a_load_that_both_enter_an_encoder_do_not_deadlock(engine: Engine) -> None:
    QueryPhotos(engine).keep(QueryPhoto("ab", b"jpeg", 1, 1, "JPEG", None, []))
    waiting = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and wait_event_type = 'Lock'"
    )
    with engine.connect() as blocker, ThreadPoolExecutor(2) as pool:
        # The load stands where it has entered the encoder and has not made its partition yet.
        hold(blocker, "after insert on encoders")
        load = pool.submit(Ingest(engine).add, "g", "e", photos(2), unit(2))
        wait_for(lambda: one(engine, waiting) == 1)
        question = pool.submit(QueryPhotos(engine).keep_vector, "ab", "e", unit(1)[0])
        wait_for(lambda: one(engine, waiting) == 2)
        blocker.execute(text("select pg_advisory_unlock(1)"))
        assert load.result().new == 2
        question.result()
    assert QueryPhotos(engine).vector("ab", "e") is not None


def test_a_search_does_not_wait_for_the_first_load_of_an_encoder(engine: Engine) -> None:
    Ingest(engine).add("g", "old", photos(3), unit(3))
    searcher = open_engine(
        engine.url.render_as_string(hide_password=False), statement_timeout_ms=5000
    )
    seen = []

    class Watched(list[str | None]):
        def __iter__(self) -> Iterator[str | None]:
            # Read once to check the photos, and again inside the open transaction.
            seen.append(len(Gallery(searcher).nearest(unit(1)[0], 3, Search(encoder="old"))))
            return super().__iter__()

    columns = as_columns(photos(3))
    Ingest(engine).add("g", "new", replace(columns, country=Watched(columns.country)), unit(3))
    searcher.dispose()
    assert len(seen) > 2
    assert set(seen) == {3}


LOAD = """
import sys, numpy as np
from geofix.db.engine import open_engine
from geofix.db.load.ingest import GeotaggedPhoto, Ingest
photos = [GeotaggedPhoto("made", f"p{i}", 10.0, 20.0) for i in range(50)]
Ingest(open_engine(sys.argv[1])).add("g", sys.argv[2], photos, np.ones((50, 4), np.float32) / 2)
"""


def hold(blocker: Connection, where: str) -> None:
    """Let whoever fires a trigger stand there until `blocker` unlocks 1."""
    blocker.execute(text("select pg_advisory_lock(1)"))
    blocker.execute(
        text(
            "create function wait_here() returns trigger language plpgsql as"
            " 'begin perform pg_advisory_xact_lock(1); return new; end'"
        )
    )
    blocker.execute(text(f"create trigger hold {where} for each row execute function wait_here()"))
    blocker.commit()


def wait_for(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up_at, "waited in vain"


@pytest.mark.parametrize("encoder", ["known", "new"])
def test_a_load_that_is_killed_leaves_nothing(
    engine: Engine, database_url: str, encoder: str
) -> None:
    Ingest(engine).add("old", "known", photos(1), unit(1))
    before = counts(engine)
    waiting = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and wait_event_type = 'Lock' and query like 'copy embeddings%'"
    )
    alive = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and application_name = 'geofix' and query like '%embeddings%'"
        " and pid <> pg_backend_pid()"
    )
    with engine.connect() as blocker:
        # Photos are merged and the load stands before its vectors: that is where it is killed.
        hold(blocker, "before insert on embeddings")
        load = subprocess.Popen([sys.executable, "-c", LOAD, database_url, encoder])
        wait_for(lambda: one(engine, waiting) == 1)
        os.kill(load.pid, signal.SIGKILL)
        assert load.wait(60) == -signal.SIGKILL
        blocker.execute(text("select pg_advisory_unlock(1)"))
        blocker.commit()
    wait_for(lambda: one(engine, alive) == 0)
    assert counts(engine) == before
    with engine.begin() as connection:
        connection.execute(text("drop function wait_here cascade"))
    assert Ingest(engine).add("g", encoder, photos(2), unit(2)).new == 2
