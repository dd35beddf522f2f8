"""Evaluations over data sets, and what came out for each photo."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from geofix.db.models.base import Base, CleanJson, CleanText


class EvaluationRow(Base):
    """One run over a data set."""

    __tablename__ = "evaluations"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Made from everything that could change a result."""
    label: Mapped[str] = mapped_column(CleanText)
    """What sets it apart from the run beside it: `base`, `negatives=0`."""
    dataset: Mapped[str] = mapped_column(CleanText)
    digest: Mapped[str] = mapped_column(Text)
    """SHA-256 of its ids and truths."""
    photos: Mapped[int]
    """How many are to be asked about."""
    options: Mapped[dict[str, Any]] = mapped_column(CleanJson)
    setup: Mapped[dict[str, Any]] = mapped_column(CleanJson)
    """Versions, encoder, model and galleries."""
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class EvaluationResultRow(Base):
    """One photo of an evaluation."""

    __tablename__ = "evaluation_results"

    evaluation_id: Mapped[str] = mapped_column(
        ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True
    )
    photo: Mapped[str] = mapped_column(CleanText, primary_key=True)
    """Its id in the data set."""
    status: Mapped[str] = mapped_column(Text)
    truth_latitude: Mapped[float | None]
    truth_longitude: Mapped[float | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    error_km: Mapped[float | None]
    seconds: Mapped[float]
    cost_usd: Mapped[float | None]
    confidence: Mapped[dict[str, Any]] = mapped_column(CleanJson)
    radii_km: Mapped[dict[str, Any]] = mapped_column(CleanJson)
    candidates: Mapped[list[Any]] = mapped_column(CleanJson)
    retrievals: Mapped[list[Any]] = mapped_column(CleanJson)
    """Kept for analyses that need no second search."""
    detail: Mapped[dict[str, Any]] = mapped_column(CleanJson)
    """All else that the evaluation tells of it."""
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
