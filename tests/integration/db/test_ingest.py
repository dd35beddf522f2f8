from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, text

from geofix.db.engine import open_engine
from geofix.db.errors import GalleryError
from geofix.db.galleries import remove_gallery
from geofix.db.gallery import Gallery, Search
from geofix.db.ingest import GeotaggedPhoto, Ingest
from geofix.db.queries import QueryPhoto, QueryPhotos

Floats = NDArray[np.float32]

TABLES = ("encoders", "galleries", "photos", "embeddings", "centrings")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def one(engine: Engine, statement: str, **values: Any) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(statement), values).scalar()


def counts(engine: Engine) -> dict[str, int]:
    """Rows by table, and how many partitions there are."""
    found = {table: one(engine, f"select count(*) from {table}") for table in TABLES}
    found["partitions"] = one(engine, "select count(*) from pg_inherits")
    return found


def photo(index: int, **changes: Any) -> GeotaggedPhoto:
    return replace(GeotaggedPhoto("made", f"p{index}", 10.0, 20.0), **changes)


def photos(count: int) -> list[GeotaggedPhoto]:
    return [photo(index) for index in range(count)]


def unit(rows: int, dimension: int = 4, seed: int = 0) -> Floats:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_every_field_comes_back_as_it_was_given(engine: Engine) -> None:
    full = GeotaggedPhoto(
        source="collection",
        external_id="42",
        latitude=-90.0,
        longitude=180.0,
        accuracy_km=1.5,
        country="NZ",
        author="A",
        licence="CC0-1.0",
        attribution="by A",
        captured_at=datetime(2020, 2, 29, 12, 30, tzinfo=UTC),
        sha256="ab" * 32,
        location="/photos/42.jpg",
    )
    Ingest(engine).add("g", "e", [full], unit(1))
    with engine.connect() as connection:
        row = connection.execute(text("select * from photos")).mappings().one()
    assert {name: row[name] for name in GeotaggedPhoto.__slots__} == {
        name: getattr(full, name) for name in GeotaggedPhoto.__slots__
    }


def test_adding_twice_updates_and_does_not_double(engine: Engine) -> None:
    ingest = Ingest(engine)
    assert ingest.add("g", "e", photos(3), unit(3)) == 3
    before = counts(engine)
    ids = one(engine, "select array_agg(id order by external_id) from photos")
    moved = [photo(1, latitude=11.0, author="New"), photo(3)]
    assert ingest.add("g", "e", moved, unit(2, seed=5)) == 1
    assert counts(engine) == {**before, "photos": 4, "embeddings": 4}
    assert one(engine, "select array_agg(id order by external_id) from photos")[:3] == ids
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "select latitude, author, embedding::text from photos join embeddings on"
                " photo_id = id where external_id = 'p1'"
            )
        ).one()
    assert (row[0], row[1]) == (11.0, "New")
    stored = np.array(json.loads(row[2]), dtype=np.float16)
    np.testing.assert_array_equal(stored, unit(2, seed=5)[0].astype(np.float16))


def test_the_same_id_of_another_source_or_gallery_is_another_photo(engine: Engine) -> None:
    ingest = Ingest(engine)
    ingest.add("g", "e", [photo(0), photo(0, source="other")], unit(2))
    ingest.add("h", "e", [photo(0)], unit(1))
    assert counts(engine)["photos"] == 3 == counts(engine)["embeddings"]


def test_known_says_what_need_not_be_embedded_again(engine: Engine) -> None:
    ingest = Ingest(engine)
    kept = [photo(0, sha256="aa"), photo(1), photo(2, sha256="cc", source="other")]
    ingest.add("g", "e", kept, unit(3))
    made = ingest.known("g", "made", "e")
    assert {name: photo.sha256 for name, photo in made.items()} == {"p0": "aa", "p1": None}
    assert list(ingest.known("g", "other", "e")) == ["p2"]
    assert ingest.known("g", "made", "another encoder") == {}
    assert ingest.known("another gallery", "made", "e") == {}


def test_no_photos_are_nothing_to_do(engine: Engine) -> None:
    before = counts(engine)
    assert Ingest(engine).add("g", "e", [], np.empty((0, 4), np.float32)) == 0
    assert counts(engine) == before


def spoiled(value: float) -> Floats:
    vectors = unit(3)
    vectors[1, 2] = value
    return vectors


@pytest.mark.parametrize(
    ("given", "vectors", "message"),
    [
        (photos(3), spoiled(np.nan), "encoder 'e' gave a vector that is not finite"),
        (photos(3), spoiled(-np.inf), "not finite"),
        (photos(3), spoiled(1e6), "not finite"),
        (photos(3), unit(2), "3 photos came with 2 vectors"),
        (photos(3), unit(3, dimension=5), "'e' is known with 4 dimensions and now gave 5"),
        ([photo(0), photo(1, latitude=91.0), photo(2)], unit(3), "'p1' of 'made': latitude 91.0"),
        ([photo(0), photo(1, latitude=np.nan), photo(2)], unit(3), "'p1' .*latitude nan"),
        ([photo(0), photo(1, longitude=-180.1), photo(2)], unit(3), "'p1' .*longitude -180.1"),
        ([photo(0), photo(1, accuracy_km=-1.0), photo(2)], unit(3), "'p1' .*accuracy_km -1.0"),
        ([photo(0), photo(1, accuracy_km=np.inf), photo(2)], unit(3), "'p1' .*accuracy_km inf"),
        ([photo(0), photo(1), photo(0)], unit(3), "photo 'p0' of 'made' is there twice"),
        ([photo(0), photo(1, author="A\0B"), photo(2)], unit(3), r"author of photo 'p1'.*'\\x00'"),
        ([photo(0), photo(1, external_id="\0"), photo(2)], unit(3), "external_id of photo"),
        ([photo(0), photo(1, location="a\udcff"), photo(2)], unit(3), r"location of .*'\\udcff'"),
        (
            [photo(0), photo(1, captured_at=datetime(2020, 1, 1)), photo(2)],
            unit(3),
            "'p1' .*captured_at '2020-01-01T00:00:00' has no time zone",
        ),
    ],
)
def test_a_batch_that_cannot_be_stored_leaves_nothing(
    engine: Engine, given: list[GeotaggedPhoto], vectors: Floats, message: str
) -> None:
    ingest = Ingest(engine)
    ingest.add("g", "e", [photo(100)], unit(1))
    before = counts(engine)
    with pytest.raises(GalleryError, match=message):
        ingest.add("new gallery", "e", given, vectors)
    assert counts(engine) == before


@pytest.mark.parametrize(("gallery", "encoder"), [("a\0", "e"), ("g", "e\0")])
def test_a_name_that_cannot_be_stored_is_refused(
    engine: Engine, gallery: str, encoder: str
) -> None:
    with pytest.raises(GalleryError, match=r"the (gallery|encoder)'s name has the character"):
        Ingest(engine).add(gallery, encoder, photos(1), unit(1))
    assert counts(engine)["galleries"] == counts(engine)["encoders"] == 0


@pytest.mark.parametrize(
    "odd",
    [
        "O'Brien; drop table photos --",
        'say "hi"',
        "a\tb\nc\\.\r\n\\N",
        "北京 São 🏔️ \u202e",
        "",
        "\x01",
    ],
)
def test_texts_of_all_sorts_come_back_unchanged(engine: Engine, odd: str) -> None:
    given = photo(0, external_id=odd, source=odd, author=odd, location=odd, attribution=odd)
    Ingest(engine).add(odd, odd, [given], unit(1))
    (hit,) = Gallery(engine).nearest(unit(1)[0], 1, Search(encoder=odd, galleries=(odd,)))
    assert [hit.gallery, hit.source, hit.external_id, hit.author, hit.attribution] == [odd] * 5
    assert list(Ingest(engine).known(odd, odd, odd)) == [odd]


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
        new = Ingest(engine).add("g", "e", order, unit(40, seed=index))
        Ingest(engine).finish("e")
        return new

    assert sorted(together(4, load)) == [0, 0, 0, 40]
    assert counts(engine) == {
        "encoders": 1, "galleries": 1, "photos": 40, "embeddings": 40, "centrings": 1,
        "partitions": 3,
    }  # fmt: skip
    assert one(engine, "select version from centrings") == 4


def test_loads_at_once_of_new_encoders_of_unlike_dimension(engine: Engine) -> None:
    def load(index: int) -> int:
        return Ingest(engine).add("g", f"e{index}", photos(20), unit(20, dimension=3 + index))

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
        assert load.result() == 2
        question.result()
    assert QueryPhotos(engine).vector("ab", "e") is not None


def test_a_search_does_not_wait_for_the_first_load_of_an_encoder(engine: Engine) -> None:
    Ingest(engine).add("g", "old", photos(3), unit(3))
    searcher = open_engine(
        engine.url.render_as_string(hide_password=False), statement_timeout_ms=5000
    )
    seen = []

    class Watched(list[GeotaggedPhoto]):
        def __iter__(self) -> Iterator[GeotaggedPhoto]:
            # Called once to check the photos, and once inside the open transaction.
            seen.append(len(Gallery(searcher).nearest(unit(1)[0], 3, Search(encoder="old"))))
            return super().__iter__()

    Ingest(engine).add("g", "new", Watched(photos(3)), unit(3))
    searcher.dispose()
    assert seen == [3, 3]


def test_ids_of_encoders_are_not_used_up_by_loads_and_questions(engine: Engine) -> None:
    QueryPhotos(engine).keep(QueryPhoto("ab", b"jpeg", 1, 1, "JPEG", None, []))
    for _ in range(3):
        Ingest(engine).add("g", "e", photos(1), unit(1))
        QueryPhotos(engine).keep_vector("ab", "e", unit(1)[0])
    assert one(engine, "select last_value from encoders_id_seq") == 1


LOAD = """
import sys, numpy as np
from geofix.db.engine import open_engine
from geofix.db.ingest import GeotaggedPhoto, Ingest
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
        " and wait_event_type = 'Lock' and query like 'insert into embeddings%'"
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
    assert Ingest(engine).add("g", encoder, photos(2), unit(2)) == 2
