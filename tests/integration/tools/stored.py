"""What a gallery holds after photos went in."""

from __future__ import annotations

from typing import Any

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
