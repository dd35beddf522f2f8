"""The photos people ask about: kept by hash, so that no node passes pixels or vectors in state.

A run can so be resumed on another machine, after the file is gone, and is embedded once only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from geofix.db.engine import database_errors
from geofix.db.errors import TrailError
from geofix.db.galleries import encoder_id_of
from geofix.db.models import EncoderRow, QueryEmbeddingRow, QueryPhotoRow


@dataclass(frozen=True, slots=True)
class QueryPhoto:
    """A photo as it is kept: its pixels without metadata, its claims apart."""

    sha256: str
    """Of the file as it came."""
    jpeg: bytes
    width: int
    height: int
    format: str
    claim: dict[str, Any] | None
    notes: list[str]


class QueryPhotos:
    """Keeps and finds the photos asked about."""

    def __init__(self, engine: Engine) -> None:
        """Keep them in the database that `engine` reaches."""
        self._engine = engine

    def keep(self, photo: QueryPhoto) -> None:
        """Store a photo; one that is there already stays as it is."""
        values = {name: getattr(photo, name) for name in QueryPhoto.__slots__}
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(insert(QueryPhotoRow).values(values).on_conflict_do_nothing())

    def find(self, sha256: str) -> QueryPhoto:
        """Return a photo by the hash of its original file.

        Raises:
            TrailError: No photo with that hash was ever asked about here.
        """
        found = select(QueryPhotoRow.__table__).where(QueryPhotoRow.sha256 == sha256)
        with database_errors(self._engine), self._engine.connect() as connection:
            row = connection.execute(found).mappings().first()
        if row is None:
            raise TrailError(f"no photo with sha256 {sha256!r} is kept here; ask with the photo")
        return QueryPhoto(**{name: row[name] for name in QueryPhoto.__slots__})

    def keep_vector(self, sha256: str, encoder: str, vector: NDArray[np.float32]) -> None:
        """Store the vector of a kept photo; one that is there already stays as it is.

        Raises:
            TrailError: No photo with that hash is kept.
            GalleryError: The encoder is known with another dimension.
        """
        with database_errors(self._engine), self._engine.begin() as connection:
            photo = select(QueryPhotoRow.sha256).where(QueryPhotoRow.sha256 == sha256)
            if connection.execute(photo).scalar() is None:
                raise TrailError(f"no photo with sha256 {sha256!r} is kept here; keep it first")
            kept = insert(QueryEmbeddingRow).values(
                sha256=sha256,
                encoder_id=encoder_id_of(connection, encoder, len(vector)),
                embedding=vector.tolist(),
            )
            connection.execute(kept.on_conflict_do_nothing())

    def vector(self, sha256: str, encoder: str) -> NDArray[np.float32] | None:
        """Return the vector `[dimension]` of a kept photo; none if it was not embedded yet."""
        found = (
            select(QueryEmbeddingRow.embedding)
            .join(EncoderRow, EncoderRow.id == QueryEmbeddingRow.encoder_id)
            .where(QueryEmbeddingRow.sha256 == sha256, EncoderRow.name == encoder)
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            row = connection.execute(found).scalar()
        return None if row is None else np.asarray(row, dtype=np.float32)
