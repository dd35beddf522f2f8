from __future__ import annotations

import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from geofix.db import schema
from geofix.db.engine import database_errors, open_engine
from geofix.db.errors import DatabaseError

SECRET = "hunter2"


def changed(url: str, **parts: Any) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


def refused(url: str) -> DatabaseError:
    """Ask the database for something; return the error, which must come within seconds."""
    engine = open_engine(url)
    began = time.monotonic()
    with pytest.raises(DatabaseError) as caught:
        schema.check(engine)
    engine.dispose()
    assert time.monotonic() - began < 15
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.mark.parametrize("password", [SECRET, f"a@{SECRET}:b@c", f"{SECRET}/?#%", f"@{SECRET}@"])
@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"port": 1}, "Connection refused"),
        ({"port": 99_999}, "invalid port number"),
        ({}, "password authentication failed"),
        ({"host": "no-such-host.invalid"}, "resolve"),
    ],
    ids=["wrong port", "no port", "wrong password", "wrong host"],
)
def test_a_way_that_leads_nowhere_is_said_plainly(
    database_url: str, password: str, parts: dict[str, Any], reason: str
) -> None:
    error = refused(changed(database_url, password=password, **parts))
    assert reason in str(error)
    assert str(error).startswith("cannot reach the database at 'postgresql://")
    assert "Check DATABASE_URL and that the server runs" in str(error)


def test_a_database_that_is_not_there_is_named(database_url: str) -> None:
    error = refused(changed(database_url, database="nowhere"))
    assert 'database "nowhere" does not exist' in str(error)
    assert str(make_url(database_url).password) not in str(error)


def test_an_option_that_libpq_does_not_know_is_named(database_url: str) -> None:
    assert "mood" in str(refused(f"{database_url}?mood=good"))


def test_the_short_scheme_connects(database_url: str) -> None:
    engine = open_engine(database_url.replace("postgresql", "postgres", 1))
    schema.check(engine)
    engine.dispose()


def failing(engine: Engine, statement: str) -> str:
    with (
        pytest.raises(DatabaseError) as caught,
        database_errors(engine),
        engine.connect() as connection,
    ):
        connection.execute(text(statement))
    return str(caught.value)


def test_a_statement_that_takes_too_long_is_not_called_unreachable(database_url: str) -> None:
    engine = open_engine(database_url, statement_timeout_ms=50)
    message = failing(engine, "select pg_sleep(5)")
    assert "could not do the work: canceling statement due to statement timeout" in message
    engine.dispose()


@pytest.mark.parametrize(
    "statement", ["select * from nothing", "select mood from photos", "select 1::mood"]
)
def test_an_old_schema_says_how_to_upgrade(engine: Engine, statement: str) -> None:
    assert "Run `geofix db upgrade`" in failing(engine, statement)


def test_a_value_that_postgres_does_not_take_is_said(engine: Engine) -> None:
    assert "does not take a value: invalid input syntax" in failing(engine, "select 'x'::int")


def test_a_missing_right_names_the_role(engine: Engine) -> None:
    message = failing(engine, "set local role pg_monitor; select * from photos")
    assert "may not do this" in message
    assert "permission denied for table photos" in message


@pytest.mark.parametrize("state", ["08006", "57014", "XX000"])
def test_a_citus_worker_that_fails_is_named_and_the_url_is_not_blamed(
    engine: Engine, state: str
) -> None:
    unreached = "connection to the remote node geofix@10.0.0.2:5433 failed with: refused"
    message = failing(
        engine, f"do $$ begin raise exception '{unreached}' using errcode = '{state}'; end $$"
    )
    assert message.startswith("the Citus worker '10.0.0.2:5433' did not do its part: connection to")
    assert "DATABASE_URL" not in message
    # What a worker answers comes as it is, with where it ran as its context.
    there = 'pg_temp."while executing command on 10.0.0.3:5433"()'
    message = failing(
        engine,
        f"create function {there} returns int language plpgsql as $$ begin"
        f" raise exception 'too slow' using errcode = '{state}'; end $$; select {there}",
    )
    assert message.startswith("the Citus worker '10.0.0.3:5433' did not do its part: too slow")


def test_a_bug_in_a_statement_stays_raw(engine: Engine) -> None:
    with (
        pytest.raises(ProgrammingError, match="syntax"),
        database_errors(engine),
        engine.connect() as connection,
    ):
        connection.execute(text("selekt 1"))
    with (
        pytest.raises(IntegrityError),
        database_errors(engine),
        engine.begin() as connection,
    ):
        connection.execute(text("insert into galleries (name) values ('a'), ('a')"))


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
        schema.check(engine)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(24)))


def test_searches_are_under_a_time_limit(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("show statement_timeout")).scalar() == "2min"
