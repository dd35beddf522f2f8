"""The tables, as SQLAlchemy sees them. A change here needs a migration in `migrations/versions`.

`embeddings` is partitioned by encoder: vectors of unlike dimensions never share a partition, so
each can carry indexes of its own. LangGraph's checkpoint tables are not here, see `checkpoints`.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

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
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    TypeDecorator,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """The declarative base; its metadata names every constraint, so that a migration can too."""

    metadata = MetaData(naming_convention=NAMING)


class _Cleaned(TypeDecorator[Any]):
    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Make the value storable on its way in."""
        return storable(value)


class CleanText(_Cleaned):
    """Text from outside (a model's answer, a camera's name), made storable; see `storable`."""

    impl, cache_ok = Text, True


class CleanJson(_Cleaned):
    """JSON made storable, see `storable`; none is NULL, not JSON's `null`."""

    impl, cache_ok = JSONB(none_as_null=True), True


def storable(value: Any) -> Any:
    """Return `value` as Postgres can hold it.

    NUL and surrogates, which it refuses in text, become U+FFFD; NaN and the infinities, which JSON
    does not have, none, as in pydantic's JSON: a trail records odd answers, it does not fail.
    """
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


class EncoderRow(Base):
    """One set of encoder weights; a vector is only ever compared with its own encoder's."""

    __tablename__ = "encoders"

    id: Mapped[int] = mapped_column(SmallInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    """Identity of the weights, as `geofix.tools.encoders` gives it."""
    dimension: Mapped[int]
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
        Index(None, "latitude", "longitude"),
        Index(None, "country"),
        Index(None, "sha256"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    gallery_id: Mapped[int] = mapped_column(ForeignKey("galleries.id", ondelete="CASCADE"))
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
    """One photo's vector by one encoder, L2-normalised, as the encoder gave it (not centred)."""

    __tablename__ = "embeddings"
    __table_args__ = (Index(None, "photo_id"), {"postgresql_partition_by": "LIST (encoder_id)"})

    encoder_id: Mapped[int] = mapped_column(
        ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True
    )
    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True
    )
    embedding: Mapped[list[float]] = mapped_column(HALFVEC())


class QueryPhotoRow(Base):
    """A photo somebody asked about: upright pixels without metadata, and what its EXIF claimed."""

    __tablename__ = "query_photos"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    """Of the file as it came."""
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)
    width: Mapped[int]
    height: Mapped[int]
    format: Mapped[str] = mapped_column(Text)
    claim: Mapped[dict[str, Any] | None] = mapped_column(CleanJson)
    notes: Mapped[list[str]] = mapped_column(ARRAY(CleanText))
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class QueryEmbeddingRow(Base):
    """The vector of a photo somebody asked about, made once per encoder."""

    __tablename__ = "query_embeddings"

    sha256: Mapped[str] = mapped_column(
        ForeignKey("query_photos.sha256", ondelete="CASCADE"), primary_key=True
    )
    encoder_id: Mapped[int] = mapped_column(
        ForeignKey("encoders.id", ondelete="CASCADE"), primary_key=True
    )
    embedding: Mapped[list[float]] = mapped_column(VECTOR())


class RunRow(Base):
    """One question and its answer; its id is LangGraph's thread id."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    photo_sha256: Mapped[str | None] = mapped_column(Text)
    question: Mapped[dict[str, Any]] = mapped_column(CleanJson, server_default="{}")
    """Region and options, as they were in force."""
    setup: Mapped[dict[str, Any]] = mapped_column(CleanJson, server_default="{}")
    """Versions of geofix, encoder, model, prompt and galleries."""
    fix: Mapped[dict[str, Any] | None] = mapped_column(CleanJson)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class StepRow(Base):
    """One node's work in one run; `task_id` stays the same when LangGraph runs a node again."""

    __tablename__ = "steps"
    __table_args__ = (Index(None, "run_id", "seq"),)

    task_id: Mapped[str] = mapped_column(Text, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    round: Mapped[int]
    node: Mapped[str] = mapped_column(Text)
    attempt: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    took_ms: Mapped[float]
    summary: Mapped[str] = mapped_column(CleanText)
    """One line a person reads first."""
    detail: Mapped[dict[str, Any]] = mapped_column(CleanJson)
    """Everything the step saw and decided, without pixels and vectors."""
    degraded: Mapped[list[str]] = mapped_column(ARRAY(CleanText))
    error: Mapped[str | None] = mapped_column(CleanText)
    checkpoint_id: Mapped[str | None] = mapped_column(Text)
