"""Evaluations: runs over data sets, and the result of every photo."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("photos", sa.Integer, nullable=False),
        sa.Column("options", JSONB, nullable=False),
        sa.Column("setup", JSONB, nullable=False),
        sa.Column("started_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("finished_at", INSTANT),
    )
    op.create_table(
        "evaluation_results",
        sa.Column("evaluation_id", sa.Text, nullable=False),
        sa.Column("photo", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("truth_latitude", sa.Double),
        sa.Column("truth_longitude", sa.Double),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("error_km", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("cost_usd", sa.Double),
        sa.Column("confidence", JSONB, nullable=False),
        sa.Column("radii_km", JSONB, nullable=False),
        sa.Column("candidates", JSONB, nullable=False),
        sa.Column("retrievals", JSONB, nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        sa.Column("added_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("evaluation_id", "photo"),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluations.id"], ondelete="CASCADE"),
    )


def downgrade() -> None:
    for table in ("evaluation_results", "evaluations"):
        op.drop_table(table)
