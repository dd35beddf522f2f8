"""What a gallery holds after photos went in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from geofix.agent.services import Services


def stored(services: Services, *columns: str) -> list[Any]:
    statement = f"select {', '.join(columns)} from photos order by external_id"
    with services.engine.connect() as connection:
        rows = connection.execute(text(statement)).all()
    return [row[0] if len(columns) == 1 else tuple(row) for row in rows]


def orphans(services: Services) -> tuple[int, int]:
    """Return how many photos there are, and how many of them have no vector."""
    with services.engine.connect() as connection:
        photos, vectors = connection.execute(
            text("select (select count(*) from photos), (select count(*) from embeddings)")
        ).one()
    return photos, photos - vectors


def vectors_of(services: Services, gallery: str) -> dict[str, NDArray[np.float32]]:
    """Return the vectors of a gallery's photos by external id, in its order."""
    statement = text(
        "select external_id, embedding::text from photos"
        " join embeddings on photo_id = photos.id"
        " join galleries on galleries.id = photos.gallery_id"
        " where galleries.name = :gallery order by external_id"
    )
    with services.engine.connect() as connection:
        rows = connection.execute(statement, {"gallery": gallery}).all()
    return {name: np.array(json.loads(vector), dtype=np.float32) for name, vector in rows}
