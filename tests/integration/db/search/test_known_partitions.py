"""Searches that go by what was known of the vectors, over connections known to live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from geofix.db import round_trip as idle
from geofix.db.engine import open_engine
from geofix.db.errors import DatabaseError
from geofix.db.load.galleries import remove_gallery
from geofix.db.load.index_lifecycle import build_index
from geofix.db.search import plan
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from geofix.db.search.similarity import second_pool
from tests.integration.db.load.loads import one
from tests.integration.db.search.structured_gallery import add, made

EVERYWHERE = Search(encoder="e")
K = 8


def ask(gallery: Gallery, number: int = 0) -> list[str]:
    query = made(1500).vectors[number].astype(np.float32)
    return [hit.external_id for hit in gallery.nearest(query, K, EVERYWHERE)]


@contextmanager
def asked(engine: Engine) -> Iterator[list[str]]:
    """Collect what is executed, without what goes ahead."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: object) -> None:
        seen.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def cut_off(engine: Engine) -> None:
    """End every connection to the database that there is."""
    other = open_engine(engine.url.render_as_string(hide_password=False))
    ended = one(
        other,
        "select bool_and(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
        " where pid <> pg_backend_pid() and datname = current_database()"
        " and backend_type = 'client backend'",
    )
    other.dispose()
    assert ended


@pytest.fixture
def in_parts(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Vectors of which an index of two graphs exists, each searched over its own connection."""
    for name, value in (("EXACT_ROWS", 100), ("SMALLEST_PART", 100), ("PART_ROWS", 750)):
        monkeypatch.setattr(plan, name, value)
    monkeypatch.setattr("geofix.db.search.gallery.cores_of", lambda engine: 2)
    add(engine, vectors=made(1500))
    build_index(engine, "e", m=8, ef_construction=32)
    return engine


def test_a_search_that_is_not_the_first_takes_two_trips(in_parts: Engine) -> None:
    gallery = Gallery(in_parts)
    ask(gallery)
    with asked(in_parts) as here, asked(second_pool(in_parts)) as there:
        assert ask(gallery, 7)[0] == "7"
    vectors, photos = here
    assert "FROM embeddings_1" in vectors
    assert "FROM photos" in photos
    assert len(there) == 1


def test_an_index_that_came_since_is_used_at_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "EXACT_ROWS", 100)
    add(engine, vectors=made(1500))
    gallery = Gallery(engine)
    query = made(1500).query_vectors[0]
    for name in (None, "embeddings_1_full_1", "embeddings_1_full_2"):
        if name:
            build_index(engine, "e", m=8, ef_construction=32)
        found = gallery.nearest(query, K, EVERYWHERE)
        assert found.how[0].index == name
        with asked(engine) as again:
            assert gallery.nearest(query, K, EVERYWHERE) == found
        assert len(again) == 2


def test_vectors_that_are_gone_are_found_no_more_and_new_ones_are(engine: Engine) -> None:
    add(engine, slice(0, 100), vectors=made(1500))
    gallery = Gallery(engine)
    assert ask(gallery)[0] == "0"
    remove_gallery(engine, "g")
    assert ask(gallery) == []
    add(engine, slice(0, 50), vectors=made(1500))
    assert ask(gallery, 3)[0] == "3"


def test_a_table_that_is_gone_is_no_error(engine: Engine) -> None:
    add(engine, slice(0, 100), vectors=made(1500))
    gallery = Gallery(engine)
    ask(gallery)
    with engine.begin() as connection:
        connection.execute(text("drop table embeddings_1"))
    assert ask(gallery) == []


def test_what_fails_though_nothing_changed_is_an_error(engine: Engine) -> None:
    add(engine, slice(0, 100), vectors=made(1500))
    gallery = Gallery(engine)
    ask(gallery)
    with engine.begin() as connection:
        connection.execute(text("alter table photos rename to elsewhere"))
    with pytest.raises(DatabaseError, match="photos"):
        ask(gallery)


def test_connections_that_died_a_moment_ago_do_not_fail_a_search(
    in_parts: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = Gallery(in_parts)
    found = ask(gallery)
    monkeypatch.setattr(idle, "IDLE_S", 3600.0)
    cut_off(in_parts)
    assert ask(gallery) == found
    cut_off(in_parts)
    assert ask(Gallery(in_parts)) == found


def test_connections_that_died_idle_are_replaced(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one(engine, "select 1")
    cut_off(engine)
    assert one(engine, "select 1") == 1
    cut_off(engine)
    monkeypatch.setattr(idle, "IDLE_S", 0.0)
    with idle.connect_unchecked(engine) as connection:
        assert connection.execute(text("select 1")).scalar() == 1


def test_a_search_does_not_ask_those_just_used_whether_they_live(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one(engine, "select 1")
    cut_off(engine)
    monkeypatch.setattr(idle, "IDLE_S", 3600.0)
    with idle.connect_unchecked(engine) as connection, pytest.raises(OperationalError):
        connection.execute(text("select 1"))


def test_settings_of_a_search_end_with_it(in_parts: Engine) -> None:
    names = ("enable_seqscan", "enable_sort", "work_mem")

    def shown(engine: Engine) -> list[str]:
        return [one(engine, f"show {name}") for name in names]

    usual = shown(in_parts)
    assert usual[:2] == ["on", "on"]
    ask(Gallery(in_parts))
    for engine in (in_parts, second_pool(in_parts)):
        for _ in range(5):
            assert shown(engine) == usual
