"""What was fitted on photos of known places, and on which."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, DateTime, Identity, Index, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geofix.db.models.base import Base


class CalibrationRow(Base):
    """One calibration; a newer one for the same set-up is used instead and this one stays."""

    __tablename__ = "calibrations"
    __table_args__ = (Index(None, "encoder", "galleries", "drafted_by", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    encoder: Mapped[str] = mapped_column(Text)
    galleries: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """In order of their names; empty means all there are."""
    drafted_by: Mapped[str] = mapped_column(Text)
    """`consensus`, or `provider:model`."""
    photos: Mapped[int]
    """How many it was fitted on."""
    digest: Mapped[str] = mapped_column(Text)
    """SHA-256 of the data it was fitted on."""
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Not cleaned as what comes from outside is: a number it cannot hold would break a promise."""
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
