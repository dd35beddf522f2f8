"""Calibrations: trained scorers, conformal radii and confidences, per gallery and encoder."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("encoder", sa.Text, nullable=False),
        sa.Column("galleries", ARRAY(sa.Text), nullable=False),
        sa.Column("drafted_by", sa.Text, nullable=False),
        sa.Column("photos", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("document", JSONB, nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    op.create_index(
        "calibrations_encoder_galleries_drafted_by_id_idx",
        "calibrations",
        ["encoder", "galleries", "drafted_by", "id"],
    )


def downgrade() -> None:
    op.drop_table("calibrations")
