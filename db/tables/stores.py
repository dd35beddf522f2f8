"""Tables of calibrations, evaluations, local features and models' answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from geofix.db.tables.base import Base, CleanJson, CleanText


class CalibrationRow(Base):
    """One calibration; a newer one for the same set-up is used instead and this one stays."""

    __tablename__ = "calibrations"
    __table_args__ = (Index(None, "encoder", "galleries", "drafted_by", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    encoder: Mapped[str] = mapped_column(Text)
    galleries: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Names of the galleries in order; empty means all galleries."""
    drafted_by: Mapped[str] = mapped_column(Text)
    """`consensus`, or `provider:model`."""
    photos: Mapped[int]
    """Number of photos it was fitted on."""
    digest: Mapped[str] = mapped_column(Text)
    """SHA-256 of the data it was fitted on."""
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The calibration. It is not cleaned, because a changed number would break the promise."""
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


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
    """Everything else that the evaluation records."""
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class LocalFeatureRow(Base):
    """What one method found in one picture; never more than the method's own limit."""

    __tablename__ = "local_features"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    """SHA-256 of the picture file, of a gallery photo or of a photo to locate."""
    method: Mapped[str] = mapped_column(Text, primary_key=True)
    """Name and version of the method; features of different methods are never compared."""
    width: Mapped[int]
    """Width in pixels of the picture after the method scaled it."""
    height: Mapped[int]
    features: Mapped[bytes] = mapped_column(LargeBinary)
    """The features in the method's own format, stored without compression, which gains little."""
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class AnswerRow(Base):
    """One answer of a chat model; langchain-community fills the columns, so it names them.

    No index holds `llm`: a model's options contain a whole JSON schema, and Postgres refuses index
    entries of more than 2.7 kB.
    """

    __tablename__ = "model_answers"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    prompt_md5: Mapped[str] = mapped_column(Text, index=True)
    llm: Mapped[str] = mapped_column(Text)
    """Model, options, temperature and number of the sample."""
    idx: Mapped[int]
    """Place in the list that LangChain keeps; 0, since geofix keeps one message at a time."""
    prompt: Mapped[str] = mapped_column(Text)
    """All messages as JSON, pictures included."""
    response: Mapped[str] = mapped_column(Text)


# langchain-community creates the missing tables of its schema's metadata. Creating tables is the
# migrations' work, so it is shown none.
AnswerRow.metadata = MetaData()
