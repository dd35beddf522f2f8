"""Vectors spread over several servers by Citus, the distributed Postgres.

`embeddings` is distributed by photo; the other tables stay on the coordinator, which the setting
database_url names. Searches, loads and index builds go to the coordinator as to any Postgres; what
they say in other words there is in `geofix.db.round_trip.Transaction` (settings),
`geofix.db.search.exact` (regions) and `geofix.db.search.status` (sizes).

A setting that does not reach the workers loses neighbours without a sign: `hnsw.ef_search` of 40
instead of 1000 finds 59 % of the most dissimilar photos. So a table of numbers lies beside the
vectors, on the same workers, and is asked under a search's settings what they are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, text

from geofix.db.engine import database_errors
from geofix.db.errors import DatabaseError
from geofix.db.load.index_build import Progress, write_alone
from geofix.db.load.index_lifecycle import build_index, drop_index, finish_load
from geofix.db.round_trip import AHEAD, Transaction, without_transaction
from geofix.db.search.partition import CITUS_PROBE, CITUS_TABLE, Partition, partition_of
from geofix.db.tables import EncoderRow

BUILD_MEMORY_MB = 2_000
"""What a worker gives an index build unless told otherwise: 650,000 vectors of 768 dimensions."""

PROBED = 1_024
"""Numbers in the table that is asked: enough for none of 64 shards to be without one."""

ASKED = {"hnsw.ef_search": "997", "hnsw.max_scan_tuples": "39997"}
"""Settings that nobody has by chance."""

SAID = text(
    "select coalesce(host(inet_server_addr()), 'localhost'), inet_server_port(), "
    + ", ".join(f"current_setting(case when number > 0 then '{name}' end, true)" for name in ASKED)
    + f" from {CITUS_PROBE}"
)
"""A row each, made where it lies: what depends on a row no coordinator computes beforehand."""

Said = Sequence[tuple[str, int | None, str | None, str | None]]
"""Address, port and settings, a row for each number."""


@dataclass(frozen=True, slots=True)
class Distributed:
    """What `distribute` did."""

    shards: int
    """Parts of the vectors, each with a graph of its own."""
    workers: int
    """Servers that hold some."""


def distribute(
    engine: Engine,
    *,
    shards: int | None = None,
    build_memory_mb: int = BUILD_MEMORY_MB,
    progress: Progress = lambda line: None,
) -> Distributed:
    """Spread the vectors over the workers of Citus, and prove that searches' settings reach them.

    Safe to call again: what is done already stays, and what a killed call left is finished. Indexes
    are built anew; until then searches compare with every vector.

    Args:
        engine: To the coordinator; its role may change settings of the workers.
        shards: Parts to make; as many as there are workers if not given. More make room for
            workers that come later.
        build_memory_mb: `maintenance_work_mem` on each worker.
        progress: Called with what is being done.

    Raises:
        DatabaseError: Citus is not there, has no worker or one that does not answer, or settings do
            not reach the workers; the text says what to do.
    """
    with database_errors(engine), engine.begin() as connection:
        _require_citus(connection)
        nodes = _answering_workers(connection)
        done, unproven = (
            _is_distributed(connection, "embeddings"),
            _missing(connection, CITUS_PROBE),
        )
        if done:
            _refuse_other_column(connection)
        _give_memory(connection, build_memory_mb)
        names = connection.execute(select(EncoderRow.name).order_by(EncoderRow.name)).scalars()
        found = {name: partition_of(connection, name) for name in names.all()}
    indexed = {name: one.index.kind for name, one in found.items() if one and one.index}
    if not done:
        for encoder in indexed:
            progress(f"dropping the index of {encoder}")
            drop_index(engine, encoder)
        progress("moving the vectors to the workers")
        _run_alone(
            engine,
            "select create_distributed_table('embeddings', 'photo_id', colocate_with => 'none',"
            f" shard_count => {shards or nodes:d})",
        )
    if unproven:
        _run_alone(
            engine,
            f"create table {CITUS_PROBE} (number bigint primary key)",
            # Before it is distributed, which moves them.
            f"insert into {CITUS_PROBE} select generate_series(1, {PROBED:d})",
            f"select create_distributed_table('{CITUS_PROBE}', 'number',"
            " colocate_with => 'embeddings')",
            # What was read of the encoders before is out of date.
            "update encoders set loads = loads + 1",
        )
    progress("checking that search settings reach the workers")
    prove_settings(engine)
    for encoder, before in found.items():
        if not done and encoder in indexed:
            build_index(engine, encoder, kind=indexed[encoder], progress=progress)
        elif before is not None and before.index is None:
            # What a call that was killed had dropped is built.
            finish_load(engine, encoder, progress=progress)
    with database_errors(engine), engine.connect() as connection:
        made = connection.execute(
            text(
                "select count(*), count(distinct (nodename, nodeport)) from citus_shards"
                f" where table_name = '{CITUS_PROBE}'::regclass"
            )
        ).one()
    return Distributed(shards=int(made[0]), workers=int(made[1]))


def prove_settings(engine: Engine) -> None:
    """Raise unless the settings of a search hold wherever Citus keeps vectors.

    They are sent as a search sends its own, with a question to every shard: what are they there?

    Raises:
        DatabaseError: They do not hold somewhere; the server is named, and what it answered.
    """
    with database_errors(engine), engine.connect() as connection:
        _prove(without_transaction(connection))


def _prove(connection: Connection) -> None:
    sent = Transaction(tuple(ASKED.items()))
    rows = connection.execute(SAID, execution_options={AHEAD: sent}).all()
    _refuse_unset([tuple(row) for row in rows])


def _refuse_unset(rows: Said) -> None:
    for host, port, *said in rows:
        for (name, wanted), there in zip(ASKED.items(), said, strict=True):
            if there != wanted:
                raise DatabaseError(
                    f"the search setting {name!r} does not reach the Citus worker {host}:{port}:"
                    f" {wanted!r} was sent, and the worker has {there!r}. Searches would"
                    " silently miss photos, so geofix refuses to search. Use Citus 11 or newer,"
                    " which passes on SET LOCAL, and connect the coordinator to its workers"
                    " without a pooler"
                )
    if len(rows) != PROBED:
        raise DatabaseError(
            f"the table {CITUS_PROBE!r} has {len(rows)!r} rows instead of {PROBED!r}, so some Citus"
            " workers could not be checked. Drop the table, and run `geofix db distribute`"
            " again"
        )


def require_settings(connection: Connection, partition: Partition) -> None:
    """Raise unless searches of a partition may go ahead, where there is Citus.

    Args:
        connection: The search's own, without a transaction: whoever holds one and waits for one
            more of the same pool waits for ever once all do.
        partition: What is searched.

    Raises:
        DatabaseError: As `prove_settings`; or the vectors are distributed, but not by geofix.
    """
    if partition.distributed:
        _prove(connection)
    elif _is_distributed(connection, "embeddings"):
        raise DatabaseError(
            "the table 'embeddings' was distributed without geofix, so search settings would"
            " not reach the workers and searches would miss photos. Run `geofix db distribute`"
        )


def _run_alone(engine: Engine, *statements: str) -> None:
    with database_errors(engine), engine.begin() as connection:
        write_alone(connection)
        for statement in statements:
            connection.execute(text(statement))


def _missing(connection: Connection, table: str) -> bool:
    there = text("select to_regclass(:name)")
    return connection.execute(there, {"name": table}).scalar() is None


def _require_citus(connection: Connection) -> None:
    if _missing(connection, CITUS_TABLE):
        raise DatabaseError(
            "this database does not have Citus. Install it on all servers, run `create"
            " extension citus` here, and add workers with `select citus_add_node('HOST',"
            " 5432)`; see docs/scaling.md"
        )


def _answering_workers(connection: Connection) -> int:
    """Return how many servers hold shards, all of which answer."""
    count = text("select count(*) from pg_dist_node where shouldhaveshards and isactive")
    nodes = int(connection.execute(count).scalar_one())
    if not nodes:
        raise DatabaseError(
            "this Citus has no workers; add one with `select citus_add_node('HOST', 5432)`"
        )
    for row in _on_workers(connection, "select 1"):
        if not row.success:
            raise DatabaseError(
                f"the Citus worker {row.nodename}:{row.nodeport} does not answer:"
                f" {row.result!r}. Start it, or remove it with `select citus_remove_node(...)`"
            )
    return nodes


def _is_distributed(connection: Connection, table: str) -> bool:
    there = f"select exists (select from {CITUS_TABLE} where logicalrelid = to_regclass(:name))"
    return bool(connection.execute(text(there), {"name": table}).scalar_one())


def _refuse_other_column(connection: Connection) -> None:
    asked = "select distribution_column from citus_tables where table_name = 'embeddings'::regclass"
    column = connection.execute(text(asked)).scalar()
    if column != "photo_id":
        raise DatabaseError(
            f"the table 'embeddings' is distributed by {column!r}, but geofix needs it"
            " distributed by 'photo_id'. Run `select undistribute_table('embeddings')`, then"
            " `geofix db distribute`"
        )


def _give_memory(connection: Connection, memory_mb: int) -> None:
    """Set what index builds may take on each worker: what a session sets does not reach them."""
    for command in (
        f"alter system set maintenance_work_mem = '{memory_mb:d}MB'",
        "select pg_reload_conf()",
    ):
        for row in _on_workers(connection, command):
            if not row.success:
                raise DatabaseError(
                    f"the Citus worker {row.nodename}:{row.nodeport} refused a memory setting:"
                    f" {row.result!r}. Run {command!r} there as a superuser, then `geofix db"
                    " distribute` again"
                )


def _on_workers(connection: Connection, command: str) -> Sequence[Row[Any]]:
    """Run a command on each worker, in a session of its own there."""
    everywhere = text("select * from run_command_on_workers(:command)")
    return connection.execute(everywhere, {"command": command}).all()
