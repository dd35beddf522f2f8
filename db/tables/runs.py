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
    UniqueConstraint,
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
    """One question, or a fork of one, and its answer."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    thread: Mapped[str] = mapped_column(Text, index=True)
    """What the caller groups runs by; LangGraph's thread where a graph of the caller asked."""
    parent_run: Mapped[str | None] = mapped_column(Text)
    """The run that this one was forked from."""
    forked_at: Mapped[str | None] = mapped_column(Text)
    """LangGraph's id of the checkpoint at which it was forked."""
    photo_sha256: Mapped[str | None] = mapped_column(Text)
    question: Mapped[dict[str, Any]] = mapped_column(CleanJson, server_default="{}")
    """Region and options, as they were in force."""
    setup: Mapped[dict[str, Any]] = mapped_column(CleanJson, server_default="{}")
    """Versions of geofix, encoder, model, prompt and galleries."""
    settled: Mapped[dict[str, Any] | None] = mapped_column(CleanJson)
    """The whole answer; none while the run has none."""
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class StepRow(Base):
    """One attempt at one step; LangGraph's task id stays the same when it runs a node again."""

    __tablename__ = "steps"
    __table_args__ = (UniqueConstraint("task_id", "attempt"), Index(None, "run_id", "number"))

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    task_id: Mapped[str] = mapped_column(Text)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    number: Mapped[int]
    """Which step of the run, from 0; a fork counts on from its parent."""
    attempt: Mapped[int]
    """Of this step of the run, from 1; one that is taken again after a crash or a failure has one
    more."""
    outcome: Mapped[str] = mapped_column(Text)
    """`running`, `waiting` for a person, `done` or `failed`; a process that was killed leaves
    `running` behind."""
    round: Mapped[int]
    node: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    took_ms: Mapped[float]
    summary: Mapped[str] = mapped_column(CleanText)
    """One line a person reads first."""
    detail: Mapped[dict[str, Any]] = mapped_column(CleanJson)
    """Everything the step saw and decided, without pixels and vectors."""
    degraded: Mapped[list[str]] = mapped_column(ARRAY(CleanText))
    error: Mapped[str | None] = mapped_column(CleanText)
    checkpoint_id: Mapped[str | None] = mapped_column(Text)


class KeptAnswerRow(Base):
    """A model's answer, kept before it was used: a step that runs again does not pay again."""

    __tablename__ = "kept_answers"

    task_id: Mapped[str] = mapped_column(Text, primary_key=True)
    request: Mapped[str] = mapped_column(Text, primary_key=True)
    """SHA-256 of model, options and messages."""
    number: Mapped[int] = mapped_column(primary_key=True)
    """Which of several equal requests, from 0."""
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    answer: Mapped[str] = mapped_column(CleanText)
    """The messages as LangChain writes them, as JSON."""
    kept_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
