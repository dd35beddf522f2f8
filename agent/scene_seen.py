"""What kind of scene the photo shows, as the state keeps it."""

from __future__ import annotations

from pydantic import BaseModel

from geofix.tools.scene_kind import SceneKind


class SceneSeen(BaseModel):
    """What the photo shows, and by how much."""

    kind: SceneKind
    shares: dict[str, float]
    """Probability by kind; together 1."""
    flatness: float
    """Share of neighbouring pixels of the same color."""
    edges: float
    """Share of neighbouring pixels that differ clearly."""
