"""An index over vectors may be made of several graphs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "vector_indexes", sa.Column("parts", sa.SmallInteger, server_default="1", nullable=False)
    )


def downgrade() -> None:
    # Several graphs are none that the version before can search.
    op.execute("delete from vector_indexes where parts > 1")
    op.drop_column("vector_indexes", "parts")
