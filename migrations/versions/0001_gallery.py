"""The gallery: photos with their places, one vector per encoder, and what the vectors share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOW = sa.text("now()")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("create extension if not exists vector")
    _encoders()
    _photos()
    op.create_table(
        "embeddings",
        sa.Column("encoder_id", sa.SmallInteger, nullable=False),
        sa.Column("photo_id", sa.BigInteger, nullable=False),
        sa.Column("embedding", HALFVEC(), nullable=False),
        sa.PrimaryKeyConstraint("encoder_id", "photo_id"),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoders.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], ondelete="CASCADE"),
        postgresql_partition_by="LIST (encoder_id)",
    )
    # Above 2 kB a row Postgres would keep every vector out of line: exact scans took 403 ms so,
    # 114 ms inline (100k x 1152, DESIGN.md section 4). Must be set before the first row.
    op.execute("alter table embeddings alter column embedding set storage plain")
    op.create_index("embeddings_photo_id_idx", "embeddings", ["photo_id"])


def _encoders() -> None:
    op.create_table(
        "encoders",
        sa.Column("id", sa.SmallInteger, sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("dimension", sa.Integer, nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
    )
    op.create_table(
        "centrings",
        sa.Column("encoder_id", sa.SmallInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("mean", VECTOR(), nullable=False),
        sa.Column("photos", sa.BigInteger, nullable=False),
        sa.Column("impostors", ARRAY(sa.REAL), nullable=False),
        sa.Column("impostor_distance_km", sa.Double),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("encoder_id", "version"),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoders.id"], ondelete="CASCADE"),
    )


def _photos() -> None:
    op.create_table(
        "galleries",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
    )
    op.create_table(
        "photos",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("gallery_id", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("author", sa.Text),
        sa.Column("licence", sa.Text),
        sa.Column("attribution", sa.Text),
        sa.Column("captured_at", INSTANT),
        sa.Column("latitude", sa.Double, nullable=False),
        sa.Column("longitude", sa.Double, nullable=False),
        sa.Column("accuracy_km", sa.REAL, server_default="0", nullable=False),
        sa.Column("country", sa.Text),
        sa.Column("sha256", sa.Text),
        sa.Column("location", sa.Text),
        sa.Column("added_at", INSTANT, server_default=NOW, nullable=False),
        sa.CheckConstraint("latitude between -90 and 90", name="latitude"),
        sa.CheckConstraint("longitude between -180 and 180", name="longitude"),
        sa.CheckConstraint("accuracy_km >= 0", name="accuracy_km"),
        sa.ForeignKeyConstraint(["gallery_id"], ["galleries.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("gallery_id", "source", "external_id"),
    )
    op.create_index("photos_latitude_longitude_idx", "photos", ["latitude", "longitude"])
    op.create_index("photos_country_idx", "photos", ["country"])
    op.create_index("photos_sha256_idx", "photos", ["sha256"])


def downgrade() -> None:
    for table in ("embeddings", "photos", "galleries", "centrings", "encoders"):
        op.drop_table(table)
