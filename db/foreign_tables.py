"""The shards' vectors as foreign tables (postgres_fdw): for one statement over all of them.

A foreign server's `options` are what searches there run under, since settings made here do not
reach the shards: so each shard has one foreign server for each width of search.
"""

from __future__ import annotations

import hashlib

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, text

from geofix.db.copying import driver_of
from geofix.db.engine import conninfo
from geofix.db.index_scan import SCAN_MEMORY, SCANNED_TUPLES
from geofix.db.servers import Server
from geofix.db.writer_lock import write_alone

SCHEMA = "geofix_shards"

CONNECT_TIMEOUT_S = 10

LOGIN: tuple[str, ...] = ("user", "password")
"""What of an address belongs to the role that uses it."""


def foreign_table(shard: Server, partition: str, ef_search: int) -> str:
    """Return the name of a shard's partition here, for one width of search."""
    return f"{_server(shard, ef_search)}_{partition}"


def make_foreign_table(connection: Connection, shard: Server, there: str, ef_search: int) -> None:
    """Make a shard's partition a table here, unless it is one.

    Args:
        connection: To the server with the photos, in a transaction; its role may create
            extensions, or `postgres_fdw` is there.
        shard: Which.
        there: Schema and name of the partition on the shard.
        ef_search: How many candidates searches keep in view.
    """
    schema, _, partition = there.rpartition(".")
    name = foreign_table(shard, partition, ef_search)
    known = text("select to_regclass(:name)")
    if connection.execute(known, {"name": f"{SCHEMA}.{name}"}).scalar() is not None:
        return
    write_alone(connection)
    connection.execute(text("create extension if not exists postgres_fdw"))
    connection.execute(text(f"create schema if not exists {SCHEMA}"))
    server = _server(shard, ef_search)
    login, address = _login_and_address(shard, ef_search)
    for statement, options in (
        (f"create server if not exists {server} foreign data wrapper postgres_fdw", address),
        (f"create user mapping if not exists for current_user server {server}", login),
        (
            f"create foreign table if not exists {SCHEMA}.{name} (photo_id bigint,"
            " latitude double precision, longitude double precision, gallery_id integer,"
            f" cell integer, country text, embedding halfvec) server {server}",
            {"schema_name": schema, "table_name": partition},
        ),
    ):
        _execute(connection, statement, options)


def forget_foreign_tables(connection: Connection, shard: Server) -> None:
    """Drop what was made for a shard, its login with it."""
    names = connection.execute(
        text("select srvname from pg_foreign_server where starts_with(srvname, :prefix)"),
        {"prefix": _prefix(shard)},
    ).scalars()
    for name in names.all():
        connection.execute(text(f"drop server {name} cascade"))


def _server(shard: Server, ef_search: int) -> str:
    return f"{_prefix(shard)}{ef_search:d}"


def _prefix(shard: Server) -> str:
    """Begin the names of a shard's objects: another address under the same name has others."""
    address = hashlib.sha256(shard.url.encode()).hexdigest()[:8]
    return f"geofix_{shard.name}_{address}_"


def _login_and_address(shard: Server, ef_search: int) -> tuple[dict[str, str], dict[str, str]]:
    words: dict[str, str] = {
        name: str(value) for name, value in conninfo_to_dict(conninfo(shard.url)).items()
    }
    login = {name: words.pop(name) for name in LOGIN if name in words}
    settings = {
        "hnsw.ef_search": ef_search,
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.max_scan_tuples": SCANNED_TUPLES,
        "work_mem": SCAN_MEMORY,
        "enable_sort": "off",
    }
    given = [words.get("options", ""), *(f"-c {name}={value}" for name, value in settings.items())]
    return login, {
        "connect_timeout": str(CONNECT_TIMEOUT_S),
        **words,
        "options": " ".join(given).strip(),
        "extensions": "vector",
    }


def _execute(connection: Connection, statement: str, options: dict[str, str]) -> None:
    written = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in options.items()
    )
    whole = sql.SQL("{} options ({})").format(sql.SQL(statement), written)
    connection.exec_driver_sql(whole.as_string(driver_of(connection)))
