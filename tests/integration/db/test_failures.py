"""What a real server, its driver and their pools fail with, and what a person is told of it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from sqlalchemy import Engine, text

from geofix.db.checkpoints import async_checkpoint_pool, checkpoint_pool, qualified
from geofix.db.engine import conninfo, database_errors, open_engine
from geofix.db.errors import DatabaseError
from geofix.db.load.ingest import Ingest
from geofix.db.runs import QueryPhotos
from geofix.db.search.centring import stream_vectors
from geofix.db.search.gallery import Gallery
from geofix.db.search.partition import partition_of
from geofix.db.search.query import Search
from tests.integration.db.load.loads import photos
from tests.integration.db.search.random_gallery import add, unit
from tests.integration.db.search.test_queries import PHOTO

CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
METADATA: Any = {"source": "input", "step": -1, "parents": {}}


def executed(url: str, *statements: str) -> None:
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def fails_as(kind: str, *said: str) -> Iterator[None]:
    with pytest.raises(DatabaseError) as caught:
        yield
    assert caught.value.kind == kind, str(caught.value)
    for words in said:
        assert words in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert "[SQL: " not in shown
    assert "[parameters: " not in shown
    assert "\\x" not in shown
    assert "insert into" not in shown.lower()


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08006", "unreachable"), ("28P01", "login"), ("3D000", "no database"),
        ("57P01", "shut down"), ("57P03", "starting"), ("53300", "too many connections"),
        ("57014", "timeout"), ("55P03", "lock timeout"), ("40P01", "deadlock"),
        ("40001", "conflict"), ("25006", "read-only"), ("53100", "disk full"),
        ("53200", "out of memory"), ("42883", "old schema"), ("3F000", "old schema"),
        ("42501", "permission"), ("22003", "bad value"), ("23502", "fault"), ("42P10", "fault"),
        ("0A000", "fault"), ("58030", "failed"), ("XX000", "failed"), ("P0001", "failed"),
        ("54000", "failed"), ("53000", "failed"),
    ],
)  # fmt: skip
def test_each_state_has_its_kind_over_sqlalchemy_and_over_the_driver(
    engine: Engine, state: str, kind: str
) -> None:
    raised = f"do $$ begin raise exception 'because' using errcode = '{state}'; end $$"
    with fails_as(kind, "because"), database_errors(engine), engine.connect() as connection:
        connection.execute(text(raised))
    with fails_as(kind, "because"), database_errors(engine), engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute(raised)


def test_a_server_that_takes_no_writes_shows_nothing_of_the_photo(database_url: str) -> None:
    name = database_url.rpartition("/")[2]
    executed(database_url, f"alter database {name} set default_transaction_read_only = on")
    engine = open_engine(database_url)
    with fails_as("read-only", "cannot execute INSERT", "Set database_url to the primary server"):
        QueryPhotos(engine).keep(PHOTO)
    engine.dispose()
    with checkpoint_pool(database_url) as pool, fails_as("read-only"):
        PostgresSaver(pool).put(CONFIG, empty_checkpoint(), METADATA, {})


@pytest.mark.parametrize("count", [3, 2500])
def test_a_disk_that_fills_up_under_copy(engine: Engine, count: int) -> None:
    executed(
        engine.url.render_as_string(hide_password=False),
        "create function full_disk() returns trigger language plpgsql as $$ begin"
        " raise exception 'could not extend file: No space left' using errcode = '53100'; end $$",
        "create trigger full_disk before insert on photos execute function full_disk()",
    )
    vectors = np.eye(1, 4, dtype=np.float32).repeat(count, axis=0)
    with fails_as("disk full", "No space left", "Free space on the server's disk"):
        Ingest(engine).add("g", "e", photos(count), vectors)


def test_copy_out_of_a_table_that_is_gone(engine: Engine) -> None:
    add(engine, unit(np.random.default_rng(1), 20, 4))
    with engine.begin() as connection:
        partition = partition_of(connection, "e")
        assert partition is not None
        connection.execute(text("drop table embeddings_1"))
        with fails_as("old schema", "embeddings_1"), database_errors(engine):
            list(stream_vectors(connection, partition))


def test_a_pool_that_is_used_up_says_how_many_how_long_and_which_setting(
    database_url: str,
) -> None:
    engine = open_engine(database_url, pool_size=2, pool_timeout_s=0.01)
    with (
        engine.connect(),
        engine.connect(),
        fails_as("pool exhausted", "all 2 connections", "0.01 s", "GEOFIX_POOL_SIZE"),
    ):
        Gallery(engine).count(Search(encoder="e"))
    assert Gallery(engine).count(Search(encoder="e")) == 0
    engine.dispose()


SAID = ("all 1 connections", "0.05 s", "GEOFIX_CHECKPOINT_POOL_SIZE", "GEOFIX_POOL_TIMEOUT_S")


async def test_a_pool_of_checkpoints_that_is_used_up(database_url: str) -> None:
    with (
        checkpoint_pool(database_url, size=1, timeout_s=0.05) as pool,
        pool.connection(timeout=30),
        fails_as("pool exhausted", *SAID),
    ):
        PostgresSaver(pool).get_tuple(CONFIG)
    async with async_checkpoint_pool(database_url, size=1, timeout_s=0.05) as served:
        held = await served.getconn(timeout=30)
        with fails_as("pool exhausted", *SAID):
            await AsyncPostgresSaver(served).aget_tuple(CONFIG)
        await served.putconn(held)


async def test_a_pool_that_cannot_reach_the_server_says_so(database_url: str) -> None:
    away = "postgresql://ann:s3cret@127.0.0.1:1/geofix"
    with checkpoint_pool(away, timeout_s=0.05) as pool, fails_as("unreachable", "refused"):
        PostgresSaver(pool).get_tuple(CONFIG)
    async with async_checkpoint_pool(away, timeout_s=0.05) as served:
        with fails_as("unreachable", "refused"):
            await AsyncPostgresSaver(served).aget_tuple(CONFIG)


async def test_tables_of_checkpoints_that_are_gone(database_url: str) -> None:
    executed(database_url, "drop schema langgraph cascade")
    with checkpoint_pool(database_url) as pool, fails_as("old schema", "`geofix db upgrade`"):
        PostgresSaver(pool).get_tuple(CONFIG)
    async with async_checkpoint_pool(database_url) as served:
        with fails_as("old schema", "`geofix db upgrade`"):
            await AsyncPostgresSaver(served).aget_tuple(CONFIG)


def test_an_answer_is_bounded_whatever_the_server_says(engine: Engine) -> None:
    long = "do $$ begin raise exception '%', repeat('x', 100000); end $$"
    with pytest.raises(DatabaseError) as caught, database_errors(engine), engine.connect() as one:
        one.exec_driver_sql(long.replace("%", "%%"), ())
    assert len(str(caught.value)) < 700
    assert len(caught.value.reason) == 300


def test_names_of_columns_are_left_alone() -> None:
    statement = (
        "select checkpoint, checkpoint_ns, c.checkpoint_id from checkpoints c, checkpoint_blobs"
    )
    assert qualified(statement) == statement.replace(
        "checkpoints", "langgraph.checkpoints"
    ).replace("checkpoint_blobs", "langgraph.checkpoint_blobs")
