"""Local features of pictures, kept by the hash of the picture and the method that found them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.dialects.postgresql import insert

from geofix.db.engine import database_errors
from geofix.db.models import LocalFeatureRow


@dataclass(frozen=True, slots=True)
class StoredFeatures:
    """What was found in one picture."""

    features: bytes
    """As the method writes them."""
    width: int
    """Of the picture as the method looked at it, pixels."""
    height: int
    """Likewise."""


class LocalFeatureStore:
    """Keeps and finds local features."""

    def __init__(self, engine: Engine) -> None:
        """Keep them in the database that `engine` reaches."""
        self._engine = engine

    def find(self, pictures: Sequence[str], method: str) -> dict[str, StoredFeatures]:
        """Return what `method` found in pictures, by their SHA-256; others are left out."""
        asked = select(LocalFeatureRow.__table__).where(
            LocalFeatureRow.sha256.in_(pictures), LocalFeatureRow.method == method
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            rows = connection.execute(asked).all()
        return {row.sha256: StoredFeatures(row.features, row.width, row.height) for row in rows}

    def keep(self, found: Mapping[str, StoredFeatures], method: str) -> None:
        """Store features by their picture's SHA-256; what is there already stays as it is."""
        if not found:
            return
        values = [
            {
                "sha256": sha256,
                "method": method,
                "width": stored.width,
                "height": stored.height,
                "features": stored.features,
            }
            # In one order, so that two writers of the same pictures do not wait for each other.
            for sha256, stored in sorted(found.items())
        ]
        with database_errors(self._engine), self._engine.begin() as connection:
            connection.execute(insert(LocalFeatureRow).on_conflict_do_nothing(), values)


def forget_features(connection: Connection) -> int:
    """Remove features of pictures that neither a gallery nor a question has; say of how many.

    Features that another run is just keeping for a photo that goes stay until the next removal.
    """
    gone = connection.execute(
        text(
            "delete from local_features where not exists"
            " (select from photos where photos.sha256 = local_features.sha256) and not exists"
            " (select from query_photos where query_photos.sha256 = local_features.sha256)"
        )
    )
    return gone.rowcount
