"""Alembic's entry: migrate the database that `geofix.db.schema` hands over."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.schema import SchemaItem

from geofix.db.engine import open_engine
from geofix.db.tables import Base


def ours(
    item: SchemaItem, name: str | None, kind: str, reflected: bool, compare_to: SchemaItem | None
) -> bool:
    """Keep autogenerate's hands off tables that are not ours: partitions, LangGraph's, a host's."""
    return not (kind == "table" and reflected and compare_to is None)


def migrate(connection: Connection) -> None:
    """Run the migrations in one transaction on `connection`."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        version_table="geofix_version",
        include_object=ours,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    migrate(handed_over)
else:
    # Reached by `alembic revision --autogenerate` at the command line of a maintainer only.
    with open_engine(os.environ["DATABASE_URL"]).connect() as own:
        migrate(own)
