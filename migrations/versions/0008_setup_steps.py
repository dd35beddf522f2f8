"""Setup steps: what a database gets once, marked as done in a row that is committed after it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STARTER_LOADED = """
insert into setup_steps (name)
select 'starter gallery'
where exists (select from centrings)
   or exists (select from galleries where name <> 'starter')
   or (exists (select from encoders) and not exists (select from galleries where name = 'starter'))
"""
"""A database with a mean, another gallery, or an encoder whose gallery was removed, had the starter
gallery, or was used without it. Where nothing of all that was ever committed, its load was cut off;
until now the id it had used up said that there had been a gallery, and it never came back."""


def upgrade() -> None:
    op.create_table(
        "setup_steps",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column(
            "completed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )
    op.execute(STARTER_LOADED)


def downgrade() -> None:
    op.drop_table("setup_steps")
