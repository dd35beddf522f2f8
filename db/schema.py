"""Is the database's schema the one this version of geofix needs, and how it gets there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, insert, select, text

import geofix.migrations.versions
from geofix.db.engine import database_errors
from geofix.db.errors import DatabaseError
from geofix.db.tables import SetupStepRow

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATION_LOCK = 0x6765_6F66_6978
"""Key of the advisory lock under which one process migrates at a time ('geofix' in ASCII)."""

STEP_LOCK = 0x6765_6F66_6974
"""Key of the advisory lock under which one process takes a setup step ('geofit' in ASCII)."""


STARTER_STEP = "starter gallery"
"""The step by which a database gets it; migration 0008 marks it where the steps came later."""


def _alembic() -> Config:
    # Imports four templating and syntax packages; a schema that is up to date needs none of it.
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(geofix.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def shipped_revisions() -> list[str]:
    """Return the migrations that ship with this version, oldest first.

    By the names of their files, which begin with them: to ask Alembic takes a tenth of a second.
    """
    names = (module.name for module in iter_modules(geofix.migrations.versions.__path__))
    return sorted(name.partition("_")[0] for name in names)


def current_revision(connection: Connection) -> str | None:
    """Return the migration the database stands at; none where geofix was never set up."""
    if connection.scalar(text("select to_regclass('geofix_version')")) is None:
        return None
    revision: str | None = connection.scalar(text("select version_num from geofix_version"))
    return revision


def upgrade_schema(engine: Engine) -> bool:
    """Bring the schema to the newest migration; safe to call at once from several processes.

    Returns:
        Whether anything had to be done, be it by another process in the meantime.

    Raises:
        DatabaseError: The server cannot be reached, has no pgvector of 0.8 or newer, or the schema
            is of a newer geofix.
    """
    with database_errors(engine), engine.begin() as connection:
        current = current_revision(connection)
        if current == shipped_revisions()[-1]:
            return False
        _refuse_newer(current)
        _require_pgvector(connection)
        connection.execute(text("set local statement_timeout = 0"))
        # Let go at commit and at rollback: one held by the session would outlive a failure in the
        # pool and keep everybody else waiting.
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        from alembic import command  # noqa: PLC0415 - see `_alembic`

        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True


def check_schema(engine: Engine) -> None:
    """Raise unless the schema is the one this version needs.

    Raises:
        DatabaseError: With the command that mends it.
    """
    with database_errors(engine), engine.connect() as connection:
        current, wanted = current_revision(connection), shipped_revisions()[-1]
    if current is None:
        raise DatabaseError(
            f"the database {engine.url.database!r} is not set up for geofix; run"
            " `geofix db upgrade`"
        )
    _refuse_newer(current)
    if current != wanted:
        raise DatabaseError(
            f"the database schema is at revision {current!r}, and this version of geofix needs"
            f" {wanted!r}; run `geofix db upgrade`"
        )


def steps_done(engine: Engine) -> set[str]:
    """Return the names of the setup steps that the database has behind it.

    Raises:
        DatabaseError: The server cannot be reached or fails.
    """
    with database_errors(engine), engine.connect() as connection:
        return set(connection.scalars(select(SetupStepRow.name)))


@contextmanager
def setup_step(engine: Engine, name: str) -> Iterator[bool]:
    """Have something done once in the life of a database; others wait meanwhile.

    It is done in transactions of its own, and marked as done after it. Cut off in between, it is
    done again by the next who comes, so it must bear that.

    Args:
        engine: To the database.
        name: Of the step.

    Yields:
        Whether it is to be done now.

    Raises:
        DatabaseError: The server cannot be reached or fails; the step is not marked then.
    """
    done = select(SetupStepRow.name).where(SetupStepRow.name == name)
    with database_errors(engine), engine.begin() as connection:
        if connection.execute(done).first() is None:
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": STEP_LOCK})
        to_do = connection.execute(done).first() is None
        yield to_do
        if to_do:
            connection.execute(insert(SetupStepRow).values(name=name))


def _refuse_newer(current: str | None) -> None:
    if current is not None and current not in shipped_revisions():
        raise DatabaseError(
            f"the database schema is at revision {current!r}, which this version of geofix does"
            " not know; upgrade geofix (`pip install --upgrade geofix`)"
        )


def _require_pgvector(connection: Connection) -> None:
    version = connection.execute(
        text(
            "select coalesce(installed_version, default_version) from pg_available_extensions"
            " where name = 'vector'"
        )
    ).scalar()
    if version is None:
        raise DatabaseError(
            "this Postgres does not have pgvector; install pgvector 0.8 or newer on the server,"
            " or use the image pgvector/pgvector:pg18 (`docker compose up -d db`)"
        )
    if tuple(int(part) for part in version.split(".")[:2]) < (0, 8):
        raise DatabaseError(
            f"this Postgres has pgvector {version!r}; geofix needs 0.8 or newer. Upgrade it on"
            " the server, then run `alter extension vector update` in the database"
        )
