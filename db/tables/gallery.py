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
    """Identity of the weights, as `geofix.tools.encoders` gives it."""
    dimension: Mapped[int]
    loads: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """How often vectors came or went: what was read of them before is then out of date."""
    newest: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Highest id of a photo that has a vector here."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class CentringRow(Base):
    """What all vectors of one encoder share, and how alike photos of different places look.

    Searches subtract `mean` before they compare (DESIGN.md section 4); `impostors` is the null
    distribution that says when a photo resembles nothing in the gallery.
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
    """How far away a photo had to be to count as an impostor; none where no photo was."""
    compared: Mapped[int] = mapped_column(BigInteger)
    """Among how many photos the impostors were looked for."""
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
    """Without a foreign key, which a load would check row by row."""
    source: Mapped[str] = mapped_column(Text)
    """The collection it comes from: a data set's name, a folder, a table."""
    external_id: Mapped[str] = mapped_column(Text)
    """Its id there."""
    author: Mapped[str | None] = mapped_column(Text)
    licence: Mapped[str | None] = mapped_column(Text)
    attribution: Mapped[str | None] = mapped_column(Text)
    captured_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    latitude: Mapped[float]
    longitude: Mapped[float]
    accuracy_km: Mapped[float] = mapped_column(REAL, server_default="0")
    """How far the truth may lie from the coordinates: 0 if exact, a city's size for a city."""
    country: Mapped[str | None] = mapped_column(Text)
    """ISO 3166-1 alpha-2, by the coordinates."""
    sha256: Mapped[str | None] = mapped_column(Text)
    """Of the picture file's bytes."""
    location: Mapped[str | None] = mapped_column(Text)
    """Path or address of the picture, where it is kept."""
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class EmbeddingRow(Base):
    """One photo's vector by one encoder, L2-normalised, as the encoder gave it (not centred).

    Without foreign keys, which a load would check row by row, and which a table that is spread
    over servers cannot have. Whoever removes photos removes their vectors.
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
    """Of the grid in `geofix.db.search.counts`."""
    encoder_id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    country: Mapped[str] = mapped_column(Text)
    """As the photo's; `ZZ` where that is none, so that every row is equally wide."""
    embedding: Mapped[list[float]] = mapped_column(HALFVEC())


class CellCountRow(Base):
    """How many vectors of one gallery and encoder lie in one cell of the grid, by country.

    Kept by the loads, so that a search knows beforehand about how many rows its region holds.
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
    """Of the index in Postgres, or the first part of its parts' names."""
    parts: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """Graphs it is made of, see `geofix.db.search.partition`."""
    kind: Mapped[str] = mapped_column(Text)
    """`full` over halfvec, `compact` over one bit a dimension."""
    centring_version: Mapped[int]
    """Of the mean that the index's vectors have subtracted."""
    upto: Mapped[int] = mapped_column(BigInteger)
    """Highest photo id that is in the index; later photos are searched one by one."""
    photos: Mapped[int] = mapped_column(BigInteger)
    m: Mapped[int]
    ef_construction: Mapped[int]
    took_s: Mapped[float] = mapped_column(REAL)
    built_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class SetupStepRow(Base):
    """What a database gets once, such as the starter gallery; the row is committed after it.

    Nothing else says so: a sequence keeps the ids of a load that was rolled back.
    """

    __tablename__ = "setup_steps"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    completed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
