"""Where the pictures of gallery photos are; the gallery keeps places and vectors, not pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from geofix.db.engine import database_errors
from geofix.db.models import PhotoRow


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """What is known of one photo's picture."""

    source: str
    external_id: str
    sha256: str | None
    """Of the file's bytes."""
    location: str | None
    """Path of the file when it was ingested."""


class Pictures:
    """Finds where pictures are."""

    def __init__(self, engine: Engine) -> None:
        """Look in the gallery that `engine` reaches."""
        self._engine = engine

    def find(self, photo_ids: Sequence[int]) -> dict[int, StoredPicture]:
        """Return what is known of the pictures of photos, by id; removed ones are left out."""
        asked = select(PhotoRow).where(PhotoRow.id.in_(photo_ids))
        with database_errors(self._engine), Session(self._engine) as session:
            return {
                row.id: StoredPicture(row.source, row.external_id, row.sha256, row.location)
                for row in session.scalars(asked)
            }
