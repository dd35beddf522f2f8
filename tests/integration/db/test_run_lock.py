"""One driver a run, between processes: each `RunLocks` stands for one."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from geofix.db.engine import FixedAddress, conninfo
from geofix.db.run_lock import RunLocks
from tests.conftest import execute


@pytest.fixture
def two(database_url: str) -> Iterator[tuple[RunLocks, RunLocks]]:
    both = RunLocks(FixedAddress(database_url)), RunLocks(FixedAddress(database_url))
    yield both
    for locks in both:
        locks.close()


def test_a_run_is_driven_by_one_process_and_by_one_thread_of_it(
    two: tuple[RunLocks, RunLocks],
) -> None:
    mine, theirs = two
    assert mine.take("a")
    assert not theirs.take("a") and not mine.take("a")
    assert theirs.take("b") and not mine.take("b")
    mine.let_go("a")
    assert theirs.take("a")
    theirs.close()
    assert mine.take("a") and mine.take("b")


def test_locks_are_taken_again_after_the_server_ended_the_session(
    two: tuple[RunLocks, RunLocks], database_url: str
) -> None:
    mine, theirs = two
    assert mine.take("a")
    execute(
        database_url,
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'geofix-runs'",
    )
    assert mine.take("b")
    assert not theirs.take("a") and not theirs.take("b")
    mine.let_go("a")
    assert theirs.take("a")
    with psycopg.connect(conninfo(database_url)) as connection:
        held = connection.execute(
            "select count(*) from pg_locks join pg_database on pg_database.oid = database"
            " where locktype = 'advisory' and datname = current_database()"
        )
        assert held.fetchone() == (2,)
