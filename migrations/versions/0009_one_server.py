"""One server: shards of our own go, since Citus does what they did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from geofix.db.errors import DatabaseError

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LAST = "e60c64c"
"""The last commit of geofix that can ask shards; its schema is the one before this."""


def upgrade() -> None:
    names = op.get_bind().execute(sa.text("select name from shards order by name")).scalars().all()
    if names:
        listed = ", ".join(map(repr, names))
        raise DatabaseError(
            f"some vectors are on the shards {listed}, which this version of geofix no longer"
            " supports. Nothing was changed. First move the vectors back with geofix at commit"
            f" {LAST}: run `geofix db upgrade`, then for each shard `geofix gallery shard drain"
            " NAME` and `geofix gallery shard remove NAME` (with --lost if the shard is gone"
            " for good). Then run `geofix db upgrade` with this version. To use several"
            " servers, see docs/scaling.md"
        )
    op.drop_table("shards")
    # Foreign tables of searches over postgres_fdw; removing a shard drops its own.
    op.execute("drop schema if exists geofix_shards cascade")


def downgrade() -> None:
    op.create_table(
        "shards",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
