from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, text

from geofix.db import engine as engine_module
from geofix.db import schema
from geofix.db.checkpoints import checkpoint_pool, set_up_checkpoints
from geofix.db.engine import PATIENCE_S, FixedAddress, database_errors, open_engine
from geofix.db.errors import DatabaseError
from geofix.db.load.vector_rows import driver_of
from tests.integration.db.closable_proxy import Clock, Door

SECRET = "hunter2"


def changed(url: str, **parts: Any) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


def refused(url: str) -> DatabaseError:
    """Ask the database for something; return the error, which must come within seconds."""
    engine = open_engine(url)
    began = time.monotonic()
    with pytest.raises(DatabaseError) as caught:
        schema.check_schema(engine)
    engine.dispose()
    assert time.monotonic() - began < 15
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.mark.parametrize("password", [SECRET, f"a@{SECRET}:b@c", f"{SECRET}/?#%", f"@{SECRET}@"])
@pytest.mark.parametrize(
    ("parts", "kind", "reason"),
    [
        ({"port": 1}, "unreachable", "Connection refused"),
        ({"port": 99_999}, "unreachable", "invalid port number"),
        ({}, "login", "password authentication failed"),
        ({"host": "no-such-host.invalid"}, "unreachable", "resolve"),
    ],
    ids=["wrong port", "no port", "wrong password", "wrong host"],
)
def test_a_way_that_leads_nowhere_is_said_plainly(
    database_url: str, password: str, parts: dict[str, Any], kind: str, reason: str
) -> None:
    error = refused(changed(database_url, password=password, **parts))
    assert reason in str(error)
    assert str(error).startswith("cannot reach the database at 'postgresql://")
    assert error.kind == kind
    assert "Check " in str(error)
    assert "the setting" in str(error)


def test_a_database_that_is_not_there_is_named(database_url: str) -> None:
    error = refused(changed(database_url, database="nowhere"))
    assert 'database "nowhere" does not exist' in str(error)
    assert error.kind == "no database"
    assert str(make_url(database_url).password) not in str(error)


def test_an_option_that_libpq_does_not_know_is_named(database_url: str) -> None:
    assert "mood" in str(refused(f"{database_url}?mood=good"))


def test_the_short_scheme_connects(database_url: str) -> None:
    engine = open_engine(database_url.replace("postgresql", "postgres", 1))
    schema.check_schema(engine)
    engine.dispose()


def failing(engine: Engine, statement: str) -> str:
    with (
        pytest.raises(DatabaseError) as caught,
        database_errors(engine),
        engine.connect() as connection,
    ):
        connection.execute(text(statement))
    shown = "".join(traceback.format_exception(caught.value))
    assert "[SQL: " not in shown
    assert "DETAIL" not in shown
    return str(caught.value)


def test_a_statement_that_takes_too_long_is_not_called_unreachable(database_url: str) -> None:
    engine = open_engine(database_url, statement_timeout_ms=50)
    message = failing(engine, "select pg_sleep(5)")
    assert "took too long: canceling statement due to statement timeout" in message
    engine.dispose()


@pytest.mark.parametrize(
    "statement", ["select * from nothing", "select mood from photos", "select 1::mood"]
)
def test_an_old_schema_says_how_to_upgrade(engine: Engine, statement: str) -> None:
    assert "Run `geofix db upgrade`" in failing(engine, statement)


def test_a_value_that_postgres_does_not_take_is_said(engine: Engine) -> None:
    assert "refused a value: invalid input syntax" in failing(engine, "select 'x'::int")


def test_a_missing_right_names_the_role(engine: Engine) -> None:
    message = failing(engine, "set local role pg_monitor; select * from photos")
    assert "lacks a permission" in message
    assert "permission denied for table photos" in message


@pytest.mark.parametrize("state", ["08006", "57014", "XX000"])
def test_a_citus_worker_that_fails_is_named_and_the_url_is_not_blamed(
    engine: Engine, state: str
) -> None:
    unreached = "connection to the remote node geofix@10.0.0.2:5433 failed with: refused"
    message = failing(
        engine, f"do $$ begin raise exception '{unreached}' using errcode = '{state}'; end $$"
    )
    assert message.startswith("the Citus worker '10.0.0.2:5433' failed: connection to")
    assert "database_url" not in message
    # What a worker answers comes as it is, with where it ran as its context.
    there = 'pg_temp."while executing command on 10.0.0.3:5433"()'
    message = failing(
        engine,
        f"create function {there} returns int language plpgsql as $$ begin"
        f" raise exception 'too slow' using errcode = '{state}'; end $$; select {there}",
    )
    assert message.startswith("the Citus worker '10.0.0.3:5433' failed: too slow")


@pytest.mark.parametrize(("state", "kind"), [("22P02", "bad value"), ("23505", "fault")])
def test_a_value_that_a_citus_worker_does_not_take_is_no_fault_of_its_own(
    engine: Engine, state: str, kind: str
) -> None:
    statement = (
        "do $$ begin raise exception 'no such value while executing command on 10.0.0.3:5433'"
        f" using errcode = '{state}'; end $$"
    )
    with (
        pytest.raises(DatabaseError) as caught,
        database_errors(engine),
        engine.connect() as connection,
    ):
        connection.execute(text(statement))
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "statement", ["selekt 'secret'", "insert into galleries (name) values ('secret'), ('secret')"]
)
def test_a_bug_in_a_statement_is_called_one(engine: Engine, statement: str) -> None:
    message = failing(engine, statement)
    assert "This is a bug in geofix; report it with this line" in message
    assert "(SQLSTATE 42601)" in message or "(SQLSTATE 23505)" in message


def test_connections_survive_the_end_of_one_and_many_threads_share_an_engine(
    engine: Engine,
) -> None:
    with engine.connect() as connection:
        pid = connection.execute(text("select pg_backend_pid()")).scalar()
    other = open_engine(engine.url.render_as_string(hide_password=False))
    with other.connect() as connection:
        connection.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    other.dispose()

    def ask(_: int) -> None:
        schema.check_schema(engine)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(24)))


def test_searches_are_under_a_time_limit(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("show statement_timeout")).scalar() == "2min"


def test_the_limit_of_a_statement_is_its_transaction_s(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("show statement_timeout")).scalar() == "2min"
        driver = driver_of(connection)
        connection.commit()
        # Behind a pooler the next transaction may be another one's.
        assert driver.execute("show statement_timeout").fetchone() == ("0",)


def test_options_of_the_url_stay_in_force(database_url: str) -> None:
    engine = open_engine(f"{database_url}?options=-csearch_path%3Dmine%20-cgeqo%3Doff")
    with engine.connect() as connection:
        shown = [
            connection.execute(text(f"show {name}")).scalar() for name in ("search_path", "geqo")
        ]
    engine.dispose()
    assert shown == ["mine", "off"]


@pytest.fixture
def door(server_url: str) -> Iterator[Door]:
    """A way to the server that can be shut, and that says at first that the server recovers."""
    url = make_url(server_url)
    with Door(url.host or "localhost", url.port or 5432) as opened:
        yield opened


def through(door: Door, url: str) -> str:
    return changed(url, host="127.0.0.1", port=door.port)


def test_a_server_that_recovers_is_waited_for(database_url: str, door: Door) -> None:
    door.recovering = 4
    engine = open_engine(through(door, database_url))
    schema.check_schema(engine)
    engine.dispose()
    assert door.recovering == 0


@pytest.mark.parametrize("was_there", [True, False])
def test_a_server_that_is_gone_is_waited_for_if_it_was_there(
    database_url: str, door: Door, was_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_engine(through(door, database_url))
    if was_there:
        schema.check_schema(opened)
    door.shut()
    monkeypatch.setattr(engine_module.time, "sleep", lambda seconds: door.open())
    if was_there:
        schema.check_schema(opened)
    else:
        with pytest.raises(DatabaseError, match=r"Connection refused\. Check that the server runs"):
            schema.check_schema(opened)
    opened.dispose()


def test_waiting_has_an_end_that_says_how_long_it_was(
    database_url: str, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_engine(through(door, database_url))
    schema.check_schema(opened)
    opened.dispose()
    door.recovering = 1_000_000
    clock = Clock()
    monkeypatch.setattr(engine_module, "time", clock)
    with pytest.raises(DatabaseError) as caught:
        schema.check_schema(opened)
    assert "the database system is in recovery mode (waited for 10 s)" in str(caught.value)
    assert clock.monotonic() >= PATIENCE_S
    opened.dispose()


def test_a_pool_of_checkpoints_follows_an_address(
    database_url: str, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_checkpoints(database_url)
    moved = FixedAddress(through(door, database_url))
    with checkpoint_pool(moved) as pool:
        with pool.connection() as connection:
            connection.execute("select from checkpoints")
        door.shut()
        monkeypatch.setattr(moved, "url", lambda: database_url)
        with pool.connection() as connection:
            connection.execute("select from checkpoints")
        # Else it tried the door first, and came here a second later.
        assert pool.get_stats().get("connections_errors", 0) == 0
