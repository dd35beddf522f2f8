"""Is the database's schema the one this version of geofix needs, and how it gets there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

import geofix.migrations
from geofix.db.engine import database_errors
from geofix.db.errors import DatabaseError

MIGRATION_LOCK = 0x6765_6F66_6978
"""Key of the advisory lock under which one process migrates at a time ('geofix' in ASCII)."""


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(geofix.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def wanted_revision() -> str | None:
    """Return the newest migration that ships with this version."""
    return ScriptDirectory.from_config(_alembic()).get_current_head()


def current_revision(connection: Connection) -> str | None:
    """Return the migration the database stands at; none where geofix was never set up."""
    options = {"version_table": "geofix_version"}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def is_new(engine: Engine) -> bool:
    """Say whether geofix was never set up in this database."""
    with database_errors(engine), engine.connect() as connection:
        return current_revision(connection) is None


def upgrade(engine: Engine) -> bool:
    """Bring the schema to the newest migration; safe to call at once from several processes.

    Returns:
        Whether anything had to be done.

    Raises:
        DatabaseError: The server cannot be reached or has no pgvector of 0.8 or newer.
    """
    with database_errors(engine), engine.connect() as connection:
        if current_revision(connection) == wanted_revision():
            return False
        _require_pgvector(connection)
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        connection.execute(text("select pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
    return True


def check(engine: Engine) -> None:
    """Raise unless the schema is the one this version needs.

    Raises:
        DatabaseError: With the command that mends it.
    """
    with database_errors(engine), engine.connect() as connection:
        current, wanted = current_revision(connection), wanted_revision()
    if current is None:
        raise DatabaseError(
            f"the database {engine.url.database!r} is not set up for geofix; run"
            " `geofix db upgrade`"
        )
    if current != wanted:
        raise DatabaseError(
            f"the database's schema is at {current!r} and this version of geofix needs {wanted!r};"
            " run `geofix db upgrade`"
        )


def _require_pgvector(connection: Connection) -> None:
    version = connection.execute(
        text("select default_version from pg_available_extensions where name = 'vector'")
    ).scalar()
    if version is None:
        raise DatabaseError(
            "this Postgres has no pgvector; install pgvector 0.8 or newer on the server, or use the"
            " image pgvector/pgvector:pg18 (`docker compose up -d db`)"
        )
    if tuple(int(part) for part in version.split(".")[:2]) < (0, 8):
        raise DatabaseError(
            f"this Postgres has pgvector {version!r}; geofix needs 0.8 or newer. Upgrade the"
            " extension on the server"
        )
