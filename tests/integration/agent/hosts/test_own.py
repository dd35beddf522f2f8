"""An engine and a saver of the caller's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from sqlalchemy.pool import NullPool

from geofix import DatabaseError, SettingError, aopen_agent, open_agent
from geofix.langgraph import PERSISTED, serializer
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.conftest import execute

PARIS = sample_path()
CLOSE = {"accept_margin": 1.0, "pause": "unsure"}


def engine(url: str, **options: Any) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), **options)


def select(theirs: sqlalchemy.Engine, words: str) -> Any:
    with theirs.connect() as connection:
        return connection.execute(sqlalchemy.text(words)).scalar()


def test_a_callers_engine_is_used_and_left_as_it_was(starter_url: str, encoder: Encoder) -> None:
    theirs = engine(starter_url, connect_args={"application_name": "their-app"}, pool_size=3)
    # A connection from before: it lacks what ours are given when they connect.
    assert select(theirs, "select 1") == 1
    limit = select(theirs, "show statement_timeout")
    with open_agent(encoder=encoder, engine=theirs) as agent:
        fix = agent.locate(PARIS)
        assert fix.status == "located"
        assert agent.services.engine.pool is theirs.pool
        (run,) = agent.services.trail.latest()
    with pytest.raises(DatabaseError, match="closed"):
        _ = agent.services.engine
    # Still open, with its connections, its limits, and what was written over it.
    assert theirs.pool.checkedin() >= 1  # type: ignore[attr-defined]
    assert select(theirs, "select current_setting('application_name')") == "their-app"
    assert select(theirs, "show statement_timeout") == limit
    assert select(theirs, "select count(*) from runs") == 1
    assert select(theirs, "select count(*) from pg_stat_activity where application_name='geofix'"
                          " and datname=current_database()") == 0  # fmt: skip
    with open_agent(encoder=encoder, engine=theirs) as agent:
        assert agent.resume(run.id) == fix
    theirs.dispose()


def test_an_engine_that_cannot_be_used_is_refused(new_database: str, encoder: Encoder) -> None:
    bad: list[tuple[Any, str]] = [
        (sqlalchemy.create_engine("sqlite://"), "cannot be used"),
        ("postgresql://me:secret@here", "^the engine 'str' cannot be used"),
        (engine(new_database, poolclass=NullPool), "NullPool"),
        (engine(new_database), "is not set up for geofix"),
    ]
    for given, words in bad:
        with (
            pytest.raises(DatabaseError, match=words),
            open_agent(encoder=encoder, engine=given),
        ):
            pass
    for given, _ in bad:
        if isinstance(given, sqlalchemy.Engine):
            given.dispose()


@pytest.mark.parametrize("allowed", ["serializer", "allow-list"])
def test_a_callers_saver_keeps_the_runs(starter_url: str, encoder: Encoder, allowed: str) -> None:
    saver = InMemorySaver(
        serde=serializer()
        if allowed == "serializer"
        else JsonPlusSerializer(allowed_msgpack_modules=PERSISTED)
    )
    # Without LangGraph's tables, which nothing needs then.
    execute(starter_url, "drop schema langgraph cascade")
    theirs = engine(starter_url)
    with open_agent(encoder=encoder, engine=theirs, saver=saver) as agent:
        assert agent.locate(PARIS, run_id="waits", **CLOSE).status == "waiting"
        assert agent.graph.checkpointer is saver
    with open_agent(encoder=encoder, engine=theirs, saver=saver) as agent:
        assert agent.resume("waits", rank=1).status == "located"
    theirs.dispose()


def test_a_saver_that_would_lose_our_classes_is_refused_before_anything_opens() -> None:
    some = [cls for cls in PERSISTED if cls.__name__ != "Verdict"]
    saver = InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=some))
    with (
        pytest.raises(SettingError, match=r"does not load geofix\.agent\.state\.Verdict"),
        open_agent(saver=saver),
    ):
        pass


async def test_the_same_under_asyncio(starter_url: str, encoder: Encoder) -> None:
    theirs = engine(starter_url)
    saver = InMemorySaver(serde=serializer())
    async with aopen_agent(encoder=encoder, engine=theirs, saver=saver) as agent:
        fixes = await asyncio.gather(*(agent.alocate(PARIS, run_id=f"r{n}") for n in range(3)))
        assert {fix.status for fix in fixes} == {"located"}
    assert select(theirs, "select count(*) from runs") == 3
    theirs.dispose()
    with pytest.raises(SettingError, match="would lose"):
        async with aopen_agent(
            saver=InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        ):
            pass
