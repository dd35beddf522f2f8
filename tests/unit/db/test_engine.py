from __future__ import annotations

import traceback

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import URL, make_url

from geofix.db.engine import (
    FixedAddress,
    conninfo,
    engine_address,
    open_engine,
    parse_url,
    pool_of,
    reached_through,
)
from geofix.db.errors import DatabaseError
from geofix.db.failures import Reached, failure, reason_of
from geofix.db.plain_text import redact
from geofix.db.round_trip import LIMIT_MS
from geofix.db.search.similarity import second_pool

SECRET = "hunter2"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_all_spellings_of_postgres_are_one(scheme: str) -> None:
    parsed = parse_url(f"{scheme}://ann:{SECRET}@host:5433/places?sslmode=require")
    assert parsed.drivername == "postgresql+psycopg"
    assert (parsed.username, parsed.password, parsed.host) == ("ann", SECRET, "host")
    assert (parsed.port, parsed.database) == (5433, "places")
    assert parsed.query == {"sslmode": "require"}


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{SECRET}@host:port/db",
        f"postgresql://ann:{SECRET}/db",
        f"postgresql://ann:x@{SECRET}@host/db",
        f"postgresql://ann:{SECRET}@x@host/db",
        f"postgresql://ann:x@y:{SECRET}@host:5432/db",
        f"postgresql://ann:a/{SECRET}@x@host/db",
        f"postgresql://ann:a://{SECRET}@x@host/db",
        f"mysql://ann:{SECRET}@host/db",
        f"mysql://ann:{SECRET}:x@host/db",
        f"mysql://host/db?user=ann&password={SECRET}",
        f"mysql://host/db?password=a@{SECRET}",
        f"mysql://host/db?sslpassword={SECRET}&x=y",
        f"mysql://host/db?foo={SECRET}",
        f"mysql://host:5432/db?foo=a@{SECRET}",
        f"mysql://ann:1?foo={SECRET}@host/db",
        f"host=h token={SECRET} user=ann",
        f"host=h user=ann password={SECRET}",
        f"host=h user=ann password = '{SECRET} b'",
        f"ann:{SECRET}@host/db",
        f"ann:{SECRET}",
        "sqlite:///places.db",
        "nonsense",
        "",
    ],
)
def test_what_is_no_postgres_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"postgresql://user:password@host|'%40'") as refused:
        parse_url(url)
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    assert SECRET not in redact(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:pw@host:5432/db", "postgresql://ann:***@host:5432/db"),
        ("postgresql://ann:p@w:x@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann@host/db", "postgresql://ann@host/db"),
        ("postgresql://host:5432/db", "postgresql://host:5432/db"),
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgresql:///db", "postgresql:///db"),
        ("postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db"),
        ("postgresql://h/db?password=pw&user=ann", "postgresql://h/db?password=***&user=ann"),
        ("postgresql://ann@h/db?foo=x&port=1", "postgresql://ann@h/db?foo=***&port=1"),
        (
            "postgresql://a:b@h/d?sslmode=require&k=v",
            "postgresql://a:***@h/d?sslmode=require&k=***",
        ),
        ("https://token@h/v1?key=x&region=y", "https://***@h/v1?key=***&region=y"),
        ("https://ann:pw@h:8000/v1", "https://ann:***@h:8000/v1"),
    ],
)
def test_redact_keeps_all_but_the_password(url: str, shown: str) -> None:
    assert redact(url) == shown


@settings(deadline=None)
@given(password=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=8))
def test_no_password_is_ever_shown_and_each_comes_through(password: str) -> None:
    url = URL.create("postgresql", "ann", password, "host", 5432, "db")
    written = url.render_as_string(hide_password=False)
    assert make_url(written).password == password == parse_url(written).password
    assert redact(written) == "postgresql://ann:***@host:5432/db"
    assert redact(f"postgresql://ann:{password}@host/db") == "postgresql://ann:***@host/db"
    assert psycopg.conninfo.conninfo_to_dict(conninfo(written))["password"] == password


def test_options_of_a_url_come_through_and_unknown_ones_are_refused() -> None:
    words = psycopg.conninfo.conninfo_to_dict(
        conninfo(f"postgres://ann:{SECRET}@h/db?sslmode=require&options=-c%20geqo%3Doff")
    )
    assert words == {
        "user": "ann", "password": SECRET, "host": "h", "dbname": "db", "sslmode": "require",
        "options": "-c geqo=off",
    }  # fmt: skip
    with pytest.raises(DatabaseError, match=r"cannot be used.*mood") as refused:
        conninfo(f"postgresql://ann:{SECRET}@h/db?mood=good")
    assert SECRET not in "".join(traceback.format_exception(refused.value))


def test_what_a_server_says_back_is_shown_without_the_secrets_of_the_url() -> None:
    url = f"postgresql://ann:p%40{SECRET}@host/db?sslpassword=t0pS3cret"
    said = psycopg.OperationalError(f"no p@{SECRET}, p%40{SECRET} or t0pS3cret here\nmore")
    assert reason_of(said, *reached_through(FixedAddress(url)).secrets) == "no ***, *** or *** here"


@pytest.mark.parametrize("password", ["hun/ter2", "x#y", "p/q:r", "a?b"])
def test_a_password_that_is_not_encoded_is_a_secret_too(password: str) -> None:
    secrets = reached_through(FixedAddress(f"postgresql://ann:{password}@host/db")).secrets
    assert password in secrets


def test_several_hosts_are_reached_as_the_engine_reaches_them() -> None:
    words = psycopg.conninfo.conninfo_to_dict(conninfo("postgresql://u:p@/db?host=a:5432&host=b:1"))
    assert (words["host"], words["port"]) == ("a,b", "5432,1")


def test_who_cannot_log_in_to_the_embedded_server_is_told_nothing_of_a_setting() -> None:
    error = psycopg.OperationalError('FATAL:  password authentication failed for user "geofix"')
    said = failure(error, Reached("/home/x/postgres", "This is geofix's embedded server"))
    assert said is not None and said.kind == "login"
    assert "database_url" not in str(said) and str(said).endswith("embedded server")


def test_the_engine_does_not_show_the_password() -> None:
    engine = open_engine(f"postgres://ann:{SECRET}@host/db")
    assert SECRET not in repr(engine)
    assert engine.dialect.driver == "psycopg"
    engine.dispose()


def test_an_engine_beside_another_follows_its_server_with_its_pool_and_its_limit() -> None:
    address = FixedAddress("postgresql://ann@127.0.0.1:1/geofix")
    engine = open_engine(address, pool_size=5, pool_timeout_s=3, statement_timeout_ms=99)
    other = second_pool(engine)
    assert other is not engine and other is second_pool(engine)
    assert engine_address(other) is address
    assert pool_of(other) == (5, 3)
    assert other.get_execution_options()[LIMIT_MS] == 99


def test_a_secret_in_a_fragment_is_not_shown() -> None:
    assert redact("http://h/v1#access_token=abc") == "http://h/v1#access_token=***"
