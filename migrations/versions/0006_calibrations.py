"""Calibrations: trained scorers, conformal radii and confidences, per gallery and encoder."""

from __future__ import annotations

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
