"""What is sent where Citus spreads the vectors: on plain Postgres it has to find the same.

What Citus makes of it, only a Citus tells: `test_citus_cluster.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event, text

from geofix.agent.regions import circle, search_areas
from geofix.db import citus
from geofix.db.citus import PROBED, distribute, prove_settings
from geofix.db.engine import engine_address, open_engine
from geofix.db.errors import DatabaseError
from geofix.db.load.index_lifecycle import build_index
from geofix.db.load.ingest import Ingest
from geofix.db.load.vector_rows import driver_of
from geofix.db.round_trip import Transaction
from geofix.db.search import plan
from geofix.db.search.area import Area
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Found, Search
from geofix.db.search.similarity import second_pool
from geofix.db.search.status import encoder_statuses
from tests.integration.db.load.loads import one, photos, unit
from tests.integration.db.search.structured_gallery import add, database, made

K = 16
EVERYWHERE = Search(encoder="e")
SEARCHES = {
    "everywhere": EVERYWHERE,
    "exact": replace(EVERYWHERE, exact=True),
    "a circle": replace(EVERYWHERE, areas=search_areas(circle(-17.5, 180.0, 500.0), None)),
    "a wide circle": replace(EVERYWHERE, areas=search_areas(circle(45.0, 10.0, 4000.0), None)),
    "a country": replace(EVERYWHERE, areas=(Area(country="DE"),)),
    "a gallery": replace(EVERYWHERE, galleries=("g",)),
    "a country's part, exact": replace(
        EVERYWHERE,
        areas=(Area(country="DE"), *search_areas(circle(45.0, 10.0, 4000.0), None)),
        exact=True,
    ),
}

CATALOG = (
    "create table pg_dist_partition (logicalrelid regclass, distribution_column text)",
    "create view citus_tables as select logicalrelid as table_name, distribution_column"
    " from pg_dist_partition",
    "create table pg_dist_node (nodename text, nodeport int, shouldhaveshards bool, isactive bool)",
    "insert into pg_dist_node values ('one', 5432, true, true), ('two', 5432, true, true)",
    "create view citus_shards as select logicalrelid as table_name, nodename, nodeport"
    " from pg_dist_partition, pg_dist_node",
    "create table done (step text)",
    "create function run_command_on_workers(command text) returns table"
    " (nodename text, nodeport int, success bool, result text) language plpgsql as $$ begin"
    " insert into done values (command);"
    " return query select n.nodename, n.nodeport, true, 'done'::text from pg_dist_node n; end $$",
    "create function create_distributed_table(name regclass, col text, colocate_with text,"
    " shard_count int default null) returns void language sql as $$"
    " insert into pg_dist_partition values (name, col);"
    " insert into done select concat_ws(' ', name, col, colocate_with, shard_count, count(*),"
    " 'graphs') from pg_class join pg_am on pg_am.oid = relam where amname = 'hnsw' $$",
)
"""What of Citus `distribute` touches, for a Postgres without it."""


def prepare(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def spread(engine: Engine) -> None:
    """Make the database look like one whose vectors Citus spreads."""
    prepare(
        engine,
        *CATALOG,
        "insert into pg_dist_partition values ('embeddings', 'photo_id')",
        "create table citus_probe (number bigint primary key)",
        f"insert into citus_probe select generate_series(1, {PROBED})",
        "update encoders set loads = loads + 1",
    )


@pytest.fixture(scope="module")
def both(server_url: str, migrated: str) -> Iterator[tuple[Engine, dict[str, list[Found]]]]:
    """A gallery with an index, what plain Postgres found there, and now as if by Citus."""
    with pytest.MonkeyPatch.context() as patched, database(server_url, migrated) as engine:
        patched.setattr(plan, "EXACT_ROWS", 150)
        add(engine, vectors=made(1500))
        build_index(engine, "e", m=8, ef_construction=32)
        before = {name: asked(engine, search) for name, search in SEARCHES.items()}
        spread(engine)
        yield engine, before


def asked(engine: Engine, search: Search) -> list[Found]:
    gallery = Gallery(engine)
    return [
        ask(query, K, search)
        for query in made(1500).query_vectors[:5]
        for ask in (gallery.nearest, gallery.most_dissimilar)
    ]


@pytest.fixture(autouse=True)
def _few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "EXACT_ROWS", 150)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes around a search's own statement."""
    seen: list[str] = []
    execute = psycopg.Connection.execute

    def note(connection: Any, query: bytes, *rest: Any, **options: Any) -> Any:
        seen.append(bytes(query).decode())
        return execute(connection, query, *rest, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", note)
    return seen


@contextmanager
def executed(engine: Engine) -> Iterator[list[str]]:
    """Collect what an engine executes, without what goes ahead."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: object) -> None:
        seen.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("name", list(SEARCHES))
def test_searches_in_citus_words_find_the_same(
    both: tuple[Engine, dict[str, list[Found]]], name: str
) -> None:
    engine, before = both
    assert asked(engine, SEARCHES[name]) == before[name]


def test_settings_are_literal_in_one_transaction_and_come_after_the_limit(
    both: tuple[Engine, dict[str, list[Found]]], sent: list[str]
) -> None:
    gallery = Gallery(both[0])
    gallery.nearest(made(1500).query_vectors[0], K, EVERYWHERE)
    sent.clear()
    found = gallery.nearest(made(1500).query_vectors[0], K, EVERYWHERE)
    limit, state, *around = sent
    assert limit == "select set_config('statement_timeout', '120000', true)"
    assert "FROM encoders" in state
    assert around == [
        "begin",
        "set local citus.propagate_set_commands = 'local'",
        f"set local hnsw.ef_search = '{found.how[0].ef_search}'",
        "set local hnsw.iterative_scan = 'off'",
        "set local hnsw.max_scan_tuples = '40000'",
        "set local work_mem = '64MB'",
        "set local enable_seqscan = 'off'",
        "set local enable_sort = 'off'",
        "commit",
        # Ahead of reading the photos.
        limit,
    ]


def test_a_region_is_asked_for_without_a_join(
    both: tuple[Engine, dict[str, list[Found]]],
) -> None:
    engine, _ = both
    with executed(engine) as seen, executed(second_pool(engine)) as seen_beside:
        Gallery(engine).nearest(made(1500).query_vectors[0], K, SEARCHES["a country's part, exact"])
    (search,) = [one for one in seen if "FROM embeddings_1" in one]
    assert " OR " in search
    assert "LATERAL" not in search and "unnest" not in search
    assert not seen_beside


def test_loads_and_builds_join_nothing_and_leave_memory_to_the_workers(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("SMALLEST_PART", "PART_ROWS"):
        monkeypatch.setattr(plan, bound, 100)
    add(engine, slice(0, 1000), vectors=made(1500))
    spread(engine)
    with executed(engine) as seen:
        add(engine, slice(500, 1500), vectors=made(1500))
        Ingest(engine).finish("e")
    assert one(engine, "select photos from vector_indexes where parts = 1") == 1500
    assert any("CREATE INDEX" in one.upper() for one in seen)
    assert not any("maintenance_work_mem" in one for one in seen)
    assert not any("update encoders" in one and "from embeddings" in one for one in seen)
    assert one(engine, "select newest = (select max(id) from photos) from encoders")


def test_settings_end_with_the_search_and_with_one_that_fails(
    both: tuple[Engine, dict[str, list[Found]]],
) -> None:
    engine, _ = both
    Gallery(engine).nearest(made(1500).query_vectors[0], K, EVERYWHERE)
    assert one(engine, "show enable_sort") == "on"
    with engine.connect() as connection:
        options = {"geofix_ahead": Transaction((("enable_sort", "off"),))}
        with pytest.raises(Exception, match="division by zero"):
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                text("select 1 / 0"), execution_options=options
            )
        connection.rollback()
        assert connection.execute(text("show enable_sort")).scalar() == "on"


def test_the_limit_to_a_statement_holds_in_the_transaction_of_its_settings(
    both: tuple[Engine, dict[str, list[Found]]],
) -> None:
    hasty = open_engine(engine_address(both[0]), statement_timeout_ms=1234)
    said = text("select current_setting('statement_timeout'), current_setting('enable_sort')")
    with hasty.connect() as connection:
        options = {"geofix_ahead": Transaction((("enable_sort", "off"),))}
        asked = connection.execution_options(isolation_level="AUTOCOMMIT").execute(
            said, execution_options=options
        )
        assert tuple(asked.one()) == ("1234ms", "off")
        assert driver_of(connection).info.transaction_status == TransactionStatus.IDLE
        driver = driver_of(connection).execute(said.text)
        assert driver.fetchone() == ("0", "on")
    hasty.dispose()


def test_settings_that_do_not_reach_a_worker_are_proven_once_and_refuse_the_search(
    both: tuple[Engine, dict[str, list[Found]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = both
    query = made(1500).query_vectors[0]
    prove_settings(engine)
    proven = Gallery(engine)
    proven.nearest(query, K, EVERYWHERE)
    monkeypatch.setattr(Transaction, "statements", lambda settings: [b"begin"])
    said = r"'hnsw.ef_search' .* Citus worker \S+:\d+: '997' was sent, and the worker has '40'"
    with pytest.raises(DatabaseError, match=said):
        Gallery(engine).nearest(query, K, EVERYWHERE)
    assert len(proven.nearest(query, K, EVERYWHERE)) == K


def test_settings_are_proven_over_the_connection_that_the_search_has(
    both: tuple[Engine, dict[str, list[Found]]],
) -> None:
    url = both[0].url.set(drivername="postgresql").render_as_string(hide_password=False)
    narrow = open_engine(url, pool_size=1, pool_timeout_s=0.1)
    search = replace(EVERYWHERE, exact=True)
    assert len(Gallery(narrow).nearest(made(1500).query_vectors[0], K, search)) == K
    narrow.dispose()


def test_a_shard_that_was_not_asked_refuses_the_search(
    both: tuple[Engine, dict[str, list[Found]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(citus, "PROBED", PROBED + 1)
    with pytest.raises(DatabaseError, match="has 1024 rows instead of 1025"):
        Gallery(both[0]).nearest(made(1500).query_vectors[0], K, EVERYWHERE)


def test_vectors_that_somebody_else_distributed_are_not_searched(engine: Engine) -> None:
    Ingest(engine).add("g", "e", photos(20), unit(20))
    prepare(engine, *CATALOG)
    assert len(Gallery(engine).nearest(unit(1)[0], K, EVERYWHERE)) == K
    prepare(engine, "insert into pg_dist_partition values ('embeddings', 'photo_id')")
    with pytest.raises(
        DatabaseError, match=r"distributed without geofix.*Run `geofix db distribute`"
    ):
        Gallery(engine).nearest(unit(1)[0], K, EVERYWHERE)


def test_without_citus_nothing_is_distributed(engine: Engine) -> None:
    with pytest.raises(DatabaseError, match=r"does not have Citus. Install it .* citus_add_node"):
        distribute(engine)
    prepare(engine, *CATALOG, "delete from pg_dist_node")
    with pytest.raises(DatabaseError, match="no workers; add one"):
        distribute(engine)
    assert one(engine, "select to_regclass('citus_probe')") is None


def steps(engine: Engine) -> list[str]:
    done = str(one(engine, "select string_agg(step, E'\\n' order by ctid) from done"))
    prepare(engine, "delete from done")
    return done.split("\n")


def test_distributing_makes_one_graph_a_shard_and_may_be_run_again(engine: Engine) -> None:
    add(engine, vectors=made(1500))
    build_index(engine, "e", m=8, ef_construction=32, parts=2)
    before = Gallery(engine).nearest(made(1500).query_vectors[0], K, EVERYWHERE)
    prepare(engine, *CATALOG)
    made_now = distribute(engine, build_memory_mb=300)
    assert (made_now.shards, made_now.workers) == (2, 2)
    memory = ["alter system set maintenance_work_mem = '300MB'", "select pg_reload_conf()"]
    assert steps(engine) == [
        "select 1", *memory, "embeddings photo_id none 2 0 graphs",
        "citus_probe number embeddings 0 graphs",
    ]  # fmt: skip
    assert one(engine, "select parts from vector_indexes") == 1
    after = Gallery(engine).nearest(made(1500).query_vectors[0], K, EVERYWHERE)
    assert [hit.photo_id for hit in after] == [hit.photo_id for hit in before]
    index = one(engine, "select name from vector_indexes")
    assert distribute(engine, shards=5) == made_now
    assert not any("embeddings" in step for step in steps(engine))
    assert one(engine, "select name from vector_indexes") == index


def test_distributing_that_was_cut_off_is_finished_by_the_next(engine: Engine) -> None:
    add(engine, vectors=made(1500))
    prepare(engine, *CATALOG, "insert into pg_dist_partition values ('embeddings', 'photo_id')")
    distribute(engine)
    assert steps(engine)[-1] == "citus_probe number embeddings 0 graphs"
    (how,) = Gallery(engine).nearest(made(1500).query_vectors[0], K, EVERYWHERE).how
    assert (how.way, how.index) == ("index", "embeddings_1_full_1")


def test_a_table_distributed_by_another_column_is_refused(engine: Engine) -> None:
    prepare(engine, *CATALOG, "insert into pg_dist_partition values ('embeddings', 'gallery_id')")
    with pytest.raises(
        DatabaseError, match="by 'gallery_id', but geofix needs it distributed by 'photo_id'"
    ):
        distribute(engine)


def test_a_worker_that_does_not_answer_or_obey_is_named(engine: Engine) -> None:
    fails = (
        "create or replace function run_command_on_workers(command text) returns table"
        " (nodename text, nodeport int, success bool, result text) language sql as"
        " $$ select 'two', 5432, command not like '{}%', 'refused' $$"
    )
    prepare(engine, *CATALOG, fails.format("select 1"))
    with pytest.raises(DatabaseError, match="worker two:5432 does not answer: 'refused'"):
        distribute(engine)
    prepare(engine, fails.format("alter"))
    with pytest.raises(DatabaseError, match=r"two:5432 refused a memory setting: 'refused'. Run"):
        distribute(engine)
    assert one(engine, "select count(*) from pg_dist_partition") == 0


def test_sizes_are_those_of_the_workers(engine: Engine) -> None:
    add(engine, vectors=made(1500))
    build_index(engine, "e", m=8, ef_construction=32)
    spread(engine)
    prepare(
        engine,
        "create function citus_table_size(regclass) returns bigint language sql as 'select 700'",
        "create function citus_relation_size(regclass) returns bigint language sql as 'select 30'",
    )
    (status,) = encoder_statuses(engine)
    assert (status.table_bytes, status.index_bytes) == (700, 30)
    assert status.drift is not None and np.isfinite(status.drift)
