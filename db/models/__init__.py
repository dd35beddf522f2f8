"""The tables, as SQLAlchemy sees them. A change here needs a migration in `migrations/versions`.

LangGraph's checkpoint tables are not here, see `geofix.db.checkpoints`.
"""

from __future__ import annotations

from geofix.db.models.base import Base, CleanJson, CleanText, storable
from geofix.db.models.calibrations import CalibrationRow
from geofix.db.models.evaluations import EvaluationResultRow, EvaluationRow
from geofix.db.models.features import LocalFeatureRow
from geofix.db.models.gallery import (
    CellCountRow,
    CentringRow,
    EmbeddingRow,
    EncoderRow,
    GalleryRow,
    PhotoRow,
    SetupStepRow,
    VectorIndexRow,
)
from geofix.db.models.runs import QueryEmbeddingRow, QueryPhotoRow, RunRow, StepRow

__all__ = [
    "Base",
    "CalibrationRow",
    "CellCountRow",
    "CentringRow",
    "CleanJson",
    "CleanText",
    "EmbeddingRow",
    "EncoderRow",
    "EvaluationResultRow",
    "EvaluationRow",
    "GalleryRow",
    "LocalFeatureRow",
    "PhotoRow",
    "QueryEmbeddingRow",
    "QueryPhotoRow",
    "RunRow",
    "SetupStepRow",
    "StepRow",
    "VectorIndexRow",
    "storable",
]
