"""The tables, as SQLAlchemy sees them. A change here needs a migration in `migrations/versions`.

LangGraph's checkpoint tables are not here, see `geofix.db.checkpoints`.
"""

from __future__ import annotations

from geofix.db.tables.base import Base, CleanJson, CleanText, storable
from geofix.db.tables.gallery import (
    CellCountRow,
    CentringRow,
    EmbeddingRow,
    EncoderRow,
    GalleryRow,
    PhotoRow,
    SetupStepRow,
    VectorIndexRow,
)
from geofix.db.tables.runs import (
    KeptAnswerRow,
    QueryEmbeddingRow,
    QueryPhotoRow,
    RunRow,
    StepRow,
)
from geofix.db.tables.stores import (
    AnswerRow,
    CalibrationRow,
    EvaluationResultRow,
    EvaluationRow,
    LocalFeatureRow,
)

__all__ = [
    "AnswerRow",
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
    "KeptAnswerRow",
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
