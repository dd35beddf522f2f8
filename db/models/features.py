"""Local features of pictures: found once, matched often."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, LargeBinary, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from geofix.db.models.base import Base


class LocalFeatureRow(Base):
    """What one method found in one picture; never more than the method's own limit."""

    __tablename__ = "local_features"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    """Of the picture file's bytes; of a gallery's photo or of one somebody asked about."""
    method: Mapped[str] = mapped_column(Text, primary_key=True)
    """With its version; features of two methods are never compared."""
    width: Mapped[int]
    """Of the picture as the method looked at it, pixels."""
    height: Mapped[int]
    features: Mapped[bytes] = mapped_column(LargeBinary)
    """As the method writes them; stored without compression, which they hardly allow."""
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
