"""Galleries, their photos, and one vector per photo and encoder.

`embeddings` is partitioned by encoder: vectors of unlike dimensions never share a partition, so
each can carry indexes of its own. A vector's row repeats its photo's gallery and place, so that a
search inside a region reads one table, which may lie on another server than `photos`.
"""

from __future__ import annotations

from datetime import datetime

from pgvector.sqlalchemy import HALFVEC, VECTOR
from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from geofix.db.tables.base import Base


class EncoderRow(Base):
    """One set of encoder weights; a vector is only ever compared with its own encoder's."""

    __tablename__ = "encoders"

    id: Mapped[int] = mapped_column(SmallInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    """Name of the weights, from `geofix.tools.encoders`."""
    dimension: Mapped[int]
    loads: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Counts additions and removals of vectors; a change makes cached data of them stale."""
    newest: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Highest id of a photo that has a vector here."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class CentringRow(Base):
    """The mean of one encoder's vectors, and how similar photos of different places are.

    Searches subtract `mean` before they compare (DESIGN.md section 4). `impostors` is the null
    distribution, which shows whether a photo matches anything in the gallery.
    """

    __tablename__ = "centrings"

    encoder_id: Mapped[int] = mapped_column(
        ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True)
    mean: Mapped[list[float]] = mapped_column(VECTOR())
    photos: Mapped[int] = mapped_column(BigInteger)
    """How many photos the mean was taken over."""
    impostors: Mapped[list[float]] = mapped_column(ARRAY(REAL))
    """Ascending: for a sample of photos, the best similarity any far-away photo reached."""
    impostor_distance_km: Mapped[float | None]
    """Distance from which on a photo counted as an impostor; none if there was no such photo."""
    compared: Mapped[int] = mapped_column(BigInteger)
    """Number of photos among which the impostors were searched."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class GalleryRow(Base):
    """A named collection of geotagged photos."""

    __tablename__ = "galleries"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class PhotoRow(Base):
    """One geotagged photo: where it was taken, whose it is, and where the picture is."""

    __tablename__ = "photos"
    __table_args__ = (
        CheckConstraint("latitude between -90 and 90", name="latitude"),
        CheckConstraint("longitude between -180 and 180", name="longitude"),
        CheckConstraint("accuracy_km >= 0", name="accuracy_km"),
        UniqueConstraint("gallery_id", "source", "external_id"),
        Index(None, "sha256", postgresql_where=text("sha256 is not null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    gallery_id: Mapped[int]
    """There is no foreign key, because a load would check it row by row."""
    source: Mapped[str] = mapped_column(Text)
    """Name of the collection that the photo comes from."""
    external_id: Mapped[str] = mapped_column(Text)
    """Id of the photo in its collection."""
    author: Mapped[str | None] = mapped_column(Text)
    licence: Mapped[str | None] = mapped_column(Text)
    attribution: Mapped[str | None] = mapped_column(Text)
    captured_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    latitude: Mapped[float]
    longitude: Mapped[float]
    accuracy_km: Mapped[float] = mapped_column(REAL, server_default="0")
    """How far the true position can be from the coordinates; a city's size for a city."""
    country: Mapped[str | None] = mapped_column(Text)
    """ISO 3166-1 alpha-2, by the coordinates."""
    sha256: Mapped[str | None] = mapped_column(Text)
    """SHA-256 of the picture file."""
    location: Mapped[str | None] = mapped_column(Text)
    """Path or address of the picture."""
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class EmbeddingRow(Base):
    """One photo's vector by one encoder, L2-normalised and not centred.

    There are no foreign keys: a load would check them row by row, and a table that is spread over
    servers cannot have them. Code that removes photos also removes their vectors.
    """

    __tablename__ = "embeddings"
    __table_args__ = (
        Index("embeddings_region_idx", "gallery_id", "cell", "latitude", "longitude"),
        {"postgresql_partition_by": "LIST (encoder_id)"},
    )

    photo_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    latitude: Mapped[float]
    longitude: Mapped[float]
    gallery_id: Mapped[int]
    cell: Mapped[int]
    """Cell of the grid in `geofix.db.search.counts`."""
    encoder_id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    country: Mapped[str] = mapped_column(Text)
    """The photo's country, or `ZZ` if it has none, so that all rows have the same width."""
    embedding: Mapped[list[float]] = mapped_column(HALFVEC())


class CellCountRow(Base):
    """The number of vectors of one gallery and encoder in one cell of the grid, by country.

    Loads update it, so that a search can estimate the rows of its region.
    """

    __tablename__ = "cell_counts"

    encoder_id: Mapped[int] = mapped_column(
        ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True
    )
    gallery_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cell: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    country: Mapped[str] = mapped_column(Text, primary_key=True)
    photos: Mapped[int] = mapped_column(BigInteger)


class VectorIndexRow(Base):
    """The index in force over one encoder's vectors; where there is none, searches are exact."""

    __tablename__ = "vector_indexes"

    encoder_id: Mapped[int] = mapped_column(
        ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Text)
    """Name of the index in Postgres, or the prefix of its parts' names."""
    parts: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """Graphs it is made of, see `geofix.db.search.partition`."""
    kind: Mapped[str] = mapped_column(Text)
    """`full` over halfvec, `compact` over one bit a dimension."""
    centring_version: Mapped[int]
    """Version of the mean that was subtracted from the index's vectors."""
    upto: Mapped[int] = mapped_column(BigInteger)
    """Highest photo id that is in the index; later photos are searched one by one."""
    photos: Mapped[int] = mapped_column(BigInteger)
    m: Mapped[int]
    ef_construction: Mapped[int]
    took_s: Mapped[float] = mapped_column(REAL)
    built_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class SetupStepRow(Base):
    """A step that runs once in a database, such as adding the starter gallery.

    The row is committed after the step. Nothing else can show it: a sequence also keeps the ids of
    a load that was rolled back.
    """

    __tablename__ = "setup_steps"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    completed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
