"""What a search of the gallery asks, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from geofix.db.area import Area

Vectors = Literal["centred", "raw"]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One gallery photo as a search found it."""

    photo_id: int
    similarity: float
    """Cosine with the query, centred or raw as the search was; -1 to 1."""
    latitude: float
    longitude: float
    accuracy_km: float
    country: str | None
    gallery: str
    source: str
    external_id: str
    author: str | None
    licence: str | None
    attribution: str | None


@dataclass(frozen=True, slots=True)
class Search:
    """What to search in, and how."""

    encoder: str
    galleries: tuple[str, ...] = ()
    """Names of the galleries to search; none means all of them."""
    areas: tuple[Area, ...] = ()
    """Search where all of them overlap; none means everywhere."""
    vectors: Vectors = "centred"
    without_sha256: str | None = None
    """Leave out the photo with these bytes: a photo is no evidence for itself."""
