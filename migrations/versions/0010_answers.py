"""The models' answers: a table of ours, which langchain-community made where it was wanted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("model_answers"):
        # Same columns and same keys: answers that were paid for are still found.
        op.execute("alter index ix_model_answers_prompt_md5 rename to model_answers_prompt_md5_idx")
        return
    op.create_table(
        "model_answers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("prompt_md5", sa.Text, nullable=False),
        sa.Column("llm", sa.Text, nullable=False),
        sa.Column("idx", sa.Integer, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("response", sa.Text, nullable=False),
    )
    op.create_index("model_answers_prompt_md5_idx", "model_answers", ["prompt_md5"])


def downgrade() -> None:
    # A cache, which the version before makes again.
    op.drop_table("model_answers")
