"""Galleries of millions: a vector's row knows its place; counts per cell; indexes; shards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
INSTANT = sa.DateTime(timezone=True)

CELL = (
    "least(floor((latitude + 90) / 0.25), 719)::int * 1440"
    " + least(floor((longitude + 180) / 0.25), 1439)::int"
)
"""`geofix.db.search.counts` in SQL, as it was when this migration was written."""


def upgrade() -> None:
    _photos()
    _embeddings()
    op.add_column("encoders", sa.Column("loads", sa.BigInteger, server_default="0", nullable=False))
    op.add_column(
        "encoders", sa.Column("newest", sa.BigInteger, server_default="0", nullable=False)
    )
    op.execute(
        "update encoders set newest ="
        " coalesce((select max(photo_id) from embeddings where encoder_id = encoders.id), 0)"
    )
    op.add_column("centrings", sa.Column("compared", sa.BigInteger))
    op.execute("update centrings set compared = least(photos, 20000)")
    op.alter_column("centrings", "compared", nullable=False)
    op.create_table(
        "vector_indexes",
        sa.Column("encoder_id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("centring_version", sa.Integer, nullable=False),
        sa.Column("upto", sa.BigInteger, nullable=False),
        sa.Column("photos", sa.BigInteger, nullable=False),
        sa.Column("m", sa.Integer, nullable=False),
        sa.Column("ef_construction", sa.Integer, nullable=False),
        sa.Column("took_s", sa.REAL, nullable=False),
        sa.Column("built_at", INSTANT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoders.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "shards",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("added_at", INSTANT, server_default=NOW, nullable=False),
    )
    _cell_counts()


def _photos() -> None:
    op.drop_constraint("photos_gallery_id_fkey", "photos")
    for name in ("latitude_longitude", "country", "sha256"):
        op.drop_index(f"photos_{name}_idx", "photos")
    op.create_index(
        "photos_sha256_idx", "photos", ["sha256"], postgresql_where=sa.text("sha256 is not null")
    )


def _embeddings() -> None:
    """Make the table anew, since a partitioned table's columns cannot be put in another order.

    The order matters: the fixed columns first leave no gaps, and five rows of 768 fit a page.
    """
    partitions = op.get_bind().execute(
        sa.text(
            "select encoders.id, dimension from encoders"
            " where to_regclass('embeddings_' || encoders.id) is not null"
        )
    )
    dimensions = {row[0]: row[1] for row in partitions}
    # Put aside and not renamed: Postgres names constraints after the table, and each name once.
    op.execute(
        "create temp table kept on commit drop as select photo_id, latitude, longitude,"
        f" gallery_id, {CELL} as cell, encoder_id, coalesce(country, 'ZZ') as country, embedding"
        " from embeddings join photos on photos.id = photo_id"
    )
    op.drop_table("embeddings")
    op.execute(
        "create table embeddings (photo_id bigint not null, latitude double precision not null,"
        " longitude double precision not null, gallery_id integer not null, cell integer not null,"
        " encoder_id smallint not null, country text not null, embedding halfvec not null,"
        " constraint embeddings_pkey primary key (photo_id, encoder_id))"
        " partition by list (encoder_id)"
    )
    op.execute("alter table embeddings alter column embedding set storage plain")
    op.create_index(
        "embeddings_region_idx", "embeddings", ["gallery_id", "cell", "latitude", "longitude"]
    )
    for encoder_id, dimension in dimensions.items():
        op.execute(
            f"create table embeddings_{encoder_id} (like embeddings including storage,"
            f" constraint embeddings_{encoder_id}_dimension_check"
            f" check (vector_dims(embedding) = {dimension}))"
        )
        op.execute(
            f"alter table embeddings attach partition embeddings_{encoder_id}"
            f" for values in ({encoder_id})"
        )
    op.execute("insert into embeddings select * from kept")
    op.execute("drop table kept")


def _cell_counts() -> None:
    op.create_table(
        "cell_counts",
        sa.Column("encoder_id", sa.SmallInteger, nullable=False),
        sa.Column("gallery_id", sa.Integer, nullable=False),
        sa.Column("cell", sa.Integer, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("photos", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("encoder_id", "gallery_id", "cell", "country"),
        sa.ForeignKeyConstraint(["encoder_id"], ["encoders.id"], ondelete="CASCADE"),
    )
    op.execute(
        "insert into cell_counts select encoder_id, gallery_id, cell, country, count(*)"
        " from embeddings group by 1, 2, 3, 4"
    )


def downgrade() -> None:
    for table in ("cell_counts", "shards", "vector_indexes"):
        op.drop_table(table)
    op.drop_column("centrings", "compared")
    op.drop_column("encoders", "loads")
    op.drop_column("encoders", "newest")
    op.execute("delete from embeddings where photo_id not in (select id from photos)")
    for name in ("latitude", "longitude", "gallery_id", "cell", "country"):
        op.drop_column("embeddings", name)
    op.drop_constraint("embeddings_pkey", "embeddings")
    op.create_primary_key("embeddings_pkey", "embeddings", ["encoder_id", "photo_id"])
    op.create_index("embeddings_photo_id_idx", "embeddings", ["photo_id"])
    for column, table in (("encoder_id", "encoders"), ("photo_id", "photos")):
        op.create_foreign_key(
            f"embeddings_{column}_fkey", "embeddings", table, [column], ["id"], ondelete="CASCADE"
        )
    op.create_foreign_key(
        "photos_gallery_id_fkey", "photos", "galleries", ["gallery_id"], ["id"], ondelete="CASCADE"
    )
    op.drop_index("photos_sha256_idx", "photos")
    op.create_index("photos_latitude_longitude_idx", "photos", ["latitude", "longitude"])
    op.create_index("photos_country_idx", "photos", ["country"])
    op.create_index("photos_sha256_idx", "photos", ["sha256"])
