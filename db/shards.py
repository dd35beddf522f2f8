"""Which shards there are: added, listed, removed.

A shard is a Postgres database with geofix's schema that holds a part of the vectors, under the
photo and gallery ids of the server with the photos.
"""

from __future__ import annotations

import re
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select, text

from geofix.db.engine import conninfo, database_errors, open_engine
from geofix.db.errors import GalleryError
from geofix.db.foreign_tables import forget_foreign_tables
from geofix.db.holdings import rows_held
from geofix.db.models import ShardRow
from geofix.db.redaction import redact
from geofix.db.schema import upgrade
from geofix.db.servers import HERE, Server, asked_of_each, server_errors, servers_of, shards_of
from geofix.db.writer_lock import write_alone

NAME = re.compile(r"[a-z][a-z0-9_]{0,23}")


@dataclass(frozen=True, slots=True)
class ShardSummary:
    """One shard at a glance."""

    name: str
    url: str
    """Without the password."""
    photos: int | None
    """How many vectors it holds; none where it does not answer."""
    reason: str | None
    """Why it does not answer."""
    added_at: datetime


def add_shard(engine: Engine, name: str, url: str) -> None:
    """Take a database in as a shard, and set it up.

    Args:
        engine: To the server with the photos.
        name: Of the shard, for people.
        url: Of an empty database, as this machine reaches it.

    Raises:
        GalleryError: The name is taken or is none, or the database is in use: by this gallery, as
            another shard, or with photos or vectors of its own.
        DatabaseError: The URL cannot be read, or the database has no pgvector.
        ShardError: It cannot be reached.
    """
    if NAME.fullmatch(name) is None or name == HERE:
        raise GalleryError(
            f"a shard cannot be named {name!r}; use at most 24 lower-case letters, digits and"
            f" '_', and not {HERE!r}"
        )
    conninfo(url)
    shard = Server(name, open_engine(url), url)
    try:
        with database_errors(engine), engine.begin() as connection:
            write_alone(connection)
            servers = servers_of(engine, connection)
            if name in {server.name for server in servers}:
                raise GalleryError(f"there is a shard {name!r}; choose another name")
            for server in servers:
                if _same(server, shard):
                    raise GalleryError(
                        f"the database {redact(url)!r} is the one {_as(server)!s}; a shard needs"
                        " one of its own"
                    )
            _set_up(shard)
            connection.execute(insert(ShardRow).values(name=name, url=url))
            _changed(connection)
    finally:
        shard.engine.dispose()


def list_shards(engine: Engine) -> list[ShardSummary]:
    """Return every shard, by name; one that does not answer with the reason."""
    with database_errors(engine), engine.connect() as connection:
        shards = shards_of(engine, connection)
        rows = connection.execute(select(ShardRow.name, ShardRow.added_at))
        added_at = {row.name: row.added_at for row in rows}
    photos, reasons = asked_of_each(shards, rows_held)
    return [
        ShardSummary(
            shard.name,
            redact(shard.url),
            photos.get(shard.name),
            reasons.get(shard.name),
            added_at[shard.name],
        )
        for shard in shards
    ]


def remove_shard(engine: Engine, name: str, *, lost: bool = False) -> None:
    """Do without a shard that holds nothing any more.

    Args:
        engine: To the server with the photos.
        name: Of the shard.
        lost: Remove it with what it holds, without asking it: it is gone for good. Its photos are
            found no more until they are ingested again.

    Raises:
        GalleryError: There is none of that name, or it still holds vectors.
        ShardError: It cannot be reached.
    """
    with database_errors(engine), engine.begin() as connection:
        write_alone(connection)
        shard = named_shard(engine, connection, name)
        if not lost:
            with server_errors(shard), shard.engine.begin() as there:
                rows = there.execute(text("select count(*) from embeddings")).scalar_one()
                if rows:
                    raise GalleryError(
                        f"the shard {name!r} holds {rows} vectors; move them to the other servers"
                        f" with `geofix gallery shard drain {name}` first"
                    )
                _empty(there)
        forget_foreign_tables(connection, shard)
        connection.execute(delete(ShardRow).where(ShardRow.name == name))
        _changed(connection)


def named_shard(engine: Engine, connection: Connection, name: str) -> Server:
    """Return one shard.

    Raises:
        GalleryError: There is none of that name.
    """
    shards = {shard.name: shard for shard in shards_of(engine, connection)}
    if name not in shards:
        known = ", ".join(map(repr, shards)) or "none"
        raise GalleryError(f"there is no shard {name!r}; there is: {known}")
    return shards[name]


def _as(server: Server) -> str:
    return "that holds the photos" if server.name == HERE else f"of the shard {server.name!r}"


def _same(server: Server, other: Server) -> bool:
    """Say whether both are one database, however their URLs are written.

    A lock that one session holds cannot be had by another one in the same database only.
    """
    key = {"key": secrets.randbits(62)}
    with ExitStack() as opened:
        with server_errors(server):
            one = opened.enter_context(server.engine.connect())
            one.execute(text("select pg_advisory_xact_lock(:key)"), key)
        with server_errors(other):
            two = opened.enter_context(other.engine.connect())
            free = two.execute(text("select pg_try_advisory_xact_lock(:key)"), key).scalar_one()
    return not free


def _set_up(shard: Server) -> None:
    upgrade(shard.engine)
    with server_errors(shard), shard.engine.begin() as connection:
        for table in ("photos", "embeddings", "shards"):
            if connection.execute(text(f"select exists (select from {table})")).scalar_one():
                raise GalleryError(
                    f"the database {redact(shard.url)!r} has {table} of its own; a shard needs an"
                    " empty database"
                )
        _empty(connection)


def _empty(connection: Connection) -> None:
    """Forget the encoders: another gallery's versions of a mean must not look like ours."""
    ids = connection.execute(text("select id from encoders")).scalars().all()
    for encoder_id in ids:
        connection.execute(text(f"drop table if exists embeddings_{encoder_id:d}"))
    connection.execute(text("delete from encoders"))


def _changed(connection: Connection) -> None:
    connection.execute(text("update encoders set loads = loads + 1"))
