"""The photos people ask about, their runs, and the steps of each run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from geofix.db.tables.base import Base, CleanJson, CleanText


class QueryPhotoRow(Base):
    """A photo somebody asked about: upright pixels without metadata, and what its EXIF claimed."""

    __tablename__ = "query_photos"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    """SHA-256 of the original file."""
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
