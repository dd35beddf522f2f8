"""The questions asked, their runs, and the trail of every step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "query_photos",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("claim", JSONB),
        sa.Column("notes", ARRAY(sa.Text), nullable=False),
        sa.Column("added_at", INSTANT, server_default=NOW, nullable=False),
    )
    op.create_table(
        "query_embeddings",
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("encoder_id", sa.SmallInteger, nullable=False),
        sa.Column("embedding", VECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "encoder_id"),
        sa.ForeignKeyConstraint(["sha256"], ["query_photos.sha256"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoders.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("photo_sha256", sa.Text),
        sa.Column("question", JSONB, server_default="{}", nullable=False),
        sa.Column("setup", JSONB, server_default="{}", nullable=False),
        sa.Column("fix", JSONB),
        sa.Column("started_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("finished_at", INSTANT),
    )
    _steps()


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("task_id", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("took_ms", sa.Double, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        sa.Column("degraded", ARRAY(sa.Text), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("checkpoint_id", sa.Text),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )
    op.create_index("steps_run_id_seq_idx", "steps", ["run_id", "seq"])


def downgrade() -> None:
    for table in ("steps", "runs", "query_embeddings", "query_photos"):
        op.drop_table(table)
