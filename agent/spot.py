"""A spot of a candidate, as state and trail keep it."""

from __future__ import annotations

from pydantic import BaseModel

from geofix.agent.coordinates import Latitude, Longitude


class Spot(BaseModel):
    """A corner of a place: photos within about 50 m of one of them."""

    latitude: Latitude
    longitude: Longitude
    score: float = 0.0
    """0 to 1, comparable within its place only."""
    parts: dict[str, float]
    """The evidence: every feature by name (`geofix.agent.choice.spot_features`)."""
    terms: dict[str, float] = {}
    """What each feature added to the score before it was squashed."""
    inliers: int
    """Local features that its best photo shares with the photo; 0 where none was compared."""
