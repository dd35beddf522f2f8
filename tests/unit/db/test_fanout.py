from __future__ import annotations

from threading import Barrier, Event

import pytest
from sqlalchemy import create_engine

from geofix.db.errors import GalleryError, ShardError
from geofix.db.fanout import FanOut
from geofix.db.search import How
from geofix.db.servers import Server
from geofix.db.shard_search import merged, require_all

SHARDS = [Server(name, create_engine("postgresql+psycopg://")) for name in "abc"]
EXACT = How("here", "exact", 9)


def test_all_are_asked_at_once_and_answer_in_order() -> None:
    together = Barrier(3)

    def ask(shard: Server) -> str:
        together.wait(timeout=10)
        return shard.name.upper()

    assert FanOut(SHARDS, ask).answers(10) == ({"a": "A", "b": "B", "c": "C"}, {})


def test_one_that_fails_and_one_that_is_silent_are_missing() -> None:
    never = Event()

    def ask(shard: Server) -> str:
        if shard.name == "a":
            raise ShardError("a", "somewhere", "no memory")
        if shard.name == "b":
            never.wait()
        return shard.name

    question = FanOut(SHARDS, ask)
    answered, missing = question.answers(0.2)
    never.set()
    assert answered == {"c": "c"}
    assert missing == {"a": "no memory", "b": "no answer within 0.2 s"}
    with pytest.raises(GalleryError, match="the shard 'a' did not answer: no memory"):
        require_all(missing)


def test_a_fault_of_ours_is_not_taken_for_a_shard_that_is_down() -> None:
    def ask(shard: Server) -> str:
        raise KeyError(shard.name)

    with pytest.raises(KeyError):
        FanOut(SHARDS[:1], ask).answers(10)


def test_what_servers_found_is_merged_by_distance_then_id() -> None:
    parts = [([(1, 0.1), (4, 0.3)], EXACT), ([(2, 0.1), (3, 0.2)], EXACT)]
    assert merged(parts, 3) == ([(1, 0.1), (2, 0.1), (3, 0.2), (4, 0.3)], True)


def test_beyond_what_a_server_was_asked_for_nothing_is_sure() -> None:
    # The second may have one at 0.25 that it was not asked for.
    parts = [([(1, 0.1)], EXACT), ([(2, 0.15), (3, 0.2)], EXACT)]
    assert merged(parts, 2) == ([(1, 0.1), (2, 0.15)], False)
