"""The tables, as SQLAlchemy sees them. A change here needs a migration in `migrations/versions`.

LangGraph's checkpoint tables are not here, see `geofix.db.checkpoints`.
"""

from __future__ import annotations

from geofix.db.models.base import Base, CleanJson, CleanText, storable
from geofix.db.models.gallery import (
    CellCountRow,
    CentringRow,
    EmbeddingRow,
    EncoderRow,
    GalleryRow,
    PhotoRow,
    ShardRow,
    VectorIndexRow,
)
from geofix.db.models.runs import QueryEmbeddingRow, QueryPhotoRow, RunRow, StepRow

__all__ = [
    "Base",
    "CellCountRow",
    "CentringRow",
    "CleanJson",
    "CleanText",
    "EmbeddingRow",
    "EncoderRow",
    "GalleryRow",
    "PhotoRow",
    "QueryEmbeddingRow",
    "QueryPhotoRow",
    "RunRow",
    "ShardRow",
    "StepRow",
    "VectorIndexRow",
    "storable",
]
