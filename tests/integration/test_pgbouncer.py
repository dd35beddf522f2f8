"""Everything geofix does behind a real PgBouncer in transaction mode, as Debian ships it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psycopg
import pytest
from sqlalchemy import Engine, text

from geofix import Settings, aopen_agent, open_agent
from geofix.agent.services import Services
from geofix.db.engine import conninfo, database_errors, open_engine
from geofix.db.errors import DatabaseError
from geofix.db.load.index_lifecycle import build_index, drop_index
from geofix.db.search import plan
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.integration.db.search.random_gallery import add, unit
from tests.pgbouncer import pgbouncer

pytestmark = pytest.mark.slow

ROWS = 3000


def asked(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def left_behind(url: str) -> list[tuple[object, ...]]:
    """Return what stayed with the connections to the server: locks, and settings for a session."""
    locks = asked(
        url,
        "select pid, objid from pg_locks where locktype = 'advisory' and database ="
        " (select oid from pg_database where datname = current_database())",
    )
    names = ("statement_timeout", "maintenance_work_mem", "search_path", "enable_sort",
             "max_parallel_maintenance_workers", "synchronous_commit")  # fmt: skip
    settings = asked(
        url,
        "select pg_backend_pid(), name, setting from pg_settings where source = 'session'"
        f" and name in {names!r}",
    )
    return locks + settings


def nothing_left_behind(direct: str, pooled: str) -> bool:
    # One after another, so that each goes over another connection.
    return not left_behind(direct) and not any(left_behind(pooled) for _ in range(12))


@pytest.fixture
def pooled(database_url: str) -> Iterator[str]:
    with pgbouncer(database_url) as url:
        yield url


@pytest.fixture
def engine(pooled: str) -> Iterator[Engine]:
    opened = open_engine(pooled)
    yield opened
    opened.dispose()


def test_db_upgrade_puts_each_table_where_it_belongs(new_database: str, migrated: str) -> None:
    tables = (
        "select schemaname, tablename from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema') order by 1, 2"
    )
    with pgbouncer(new_database) as pooled:
        with Services(Settings(database_url=pooled)) as services:
            assert services.upgrade()
            assert not services.upgrade()
            _ = services.engine
        assert nothing_left_behind(new_database, pooled)
    directly = new_database.rpartition("/")[0] + f"/{migrated}"
    assert asked(new_database, tables) == asked(directly, tables)
    where = {name: schema for schema, name in asked(new_database, tables)}
    assert (where["checkpoints"], where["photos"]) == ("langgraph", "public")


def test_setting_up_at_once_succeeds_everywhere(new_database: str) -> None:
    def upgrade(url: str) -> None:
        with Services(Settings(database_url=url)) as services:
            services.upgrade()

    with pgbouncer(new_database, servers=12) as pooled:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(upgrade, [pooled] * 3))
        assert nothing_left_behind(new_database, pooled)


async def test_photos_are_located_and_runs_go_on(starter_url: str, encoder: Encoder) -> None:
    with open_agent(Settings(database_url=starter_url), encoder=encoder) as agent:
        directly = agent.locate(sample_path())
    with pgbouncer(starter_url) as pooled:
        settings = Settings(database_url=pooled)
        with open_agent(settings, encoder=encoder) as agent:
            with ThreadPoolExecutor(4) as pool:
                fixes = list(pool.map(lambda _: agent.locate(sample_path()), range(8)))
            run = fixes[0].run
            assert run is not None
            assert agent.resume(run) == fixes[0]
            assert agent.services.trail.find(run) is not None
        async with aopen_agent(settings, encoder=encoder) as served:
            fixes.append(await served.alocate(sample_path()))
            assert await served.aresume(run) == fixes[0]
        assert nothing_left_behind(starter_url, pooled)
    assert {(fix.latitude, fix.longitude, fix.status) for fix in fixes} == {
        (directly.latitude, directly.longitude, directly.status)
    }


def test_a_statement_is_cut_off_at_its_limit_and_nobody_else_s(
    database_url: str, pooled: str
) -> None:
    engine = open_engine(pooled, statement_timeout_ms=200)
    for isolation in ("READ COMMITTED", "AUTOCOMMIT"):
        with (
            pytest.raises(DatabaseError, match="statement timeout") as caught,
            database_errors(engine),
            engine.connect() as connection,
        ):
            connection.execution_options(isolation_level=isolation)
            connection.execute(text("select 1"))
            connection.execute(text("select pg_sleep(20)"))
        assert caught.value.kind == "timeout"
    assert nothing_left_behind(database_url, pooled)
    engine.dispose()


def test_loads_indexes_and_searches(
    database_url: str, pooled: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "EXACT_ROWS", 1000)
    vectors = unit(np.random.default_rng(7), ROWS, 32)
    add(engine, vectors)
    search = Search(encoder="e")
    exact = Gallery(engine).nearest(vectors[0], 10, Search(encoder="e", exact=True))
    said: list[str] = []
    build_index(engine, "e", m=16, ef_construction=64, parts=2, progress=said.append)
    assert any("goes through a pooler" in line for line in said)
    found = Gallery(engine).nearest(vectors[0], 10, search)
    assert found.how[0].index == "embeddings_1_full_2"
    assert found[0] == exact[0]
    build_index(engine, "e", m=16, ef_construction=64)
    drop_index(engine, "e")
    assert Gallery(engine).nearest(vectors[0], 10, search).how[0].way == "exact"
    assert nothing_left_behind(database_url, pooled)


def test_options_of_the_url_that_it_refuses_are_named(pooled: str) -> None:
    engine = open_engine(f"{pooled}?options=-csearch_path%3Dmine")
    with (
        pytest.raises(DatabaseError, match="Remove the parameter that it names") as caught,
        database_errors(engine),
        engine.connect(),
    ):
        pass
    assert caught.value.kind == "pooler refuses"
    engine.dispose()
