"""Which of the photos a candidate's evidence is taken from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.state import Candidate, Draft, Hit
from geofix.tools.geo import haversine_km


def near(candidate: Candidate, hits: Sequence[Hit], radius_km: float = PLACE_SCALE_KM) -> list[Hit]:
    """Return the photos within a radius of the candidate, in the order they came."""
    inside, _ = _parted(candidate, hits, radius_km)
    return inside


def elsewhere(
    candidate: Candidate, hits: Sequence[Hit], radius_km: float = PLACE_SCALE_KM
) -> list[Hit]:
    """Return the photos farther from the candidate than a radius."""
    _, outside = _parted(candidate, hits, radius_km)
    return outside


def drafts_near(candidate: Candidate, drafts: Sequence[Draft], radius_km: float) -> list[Draft]:
    """Return the drafts within a radius of the candidate that are witnesses."""
    return [
        draft
        for draft in witnesses(drafts)
        if draft.latitude is not None
        and draft.longitude is not None
        and apart_km(candidate, (draft.latitude, draft.longitude)) <= radius_km
    ]


def witnesses(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts with a place that do not only repeat what they were shown."""
    return [draft for draft in drafts if draft.latitude is not None and draft.copied_from is None]


def apart_km(candidate: Candidate, point: tuple[float, float]) -> float:
    """Return the distance from a candidate to a point."""
    return float(haversine_km(candidate.latitude, candidate.longitude, *point))


def _parted(
    candidate: Candidate, hits: Sequence[Hit], radius_km: float
) -> tuple[list[Hit], list[Hit]]:
    if not hits:
        return [], []
    apart = haversine_km(
        candidate.latitude,
        candidate.longitude,
        np.array([hit.latitude for hit in hits]),
        np.array([hit.longitude for hit in hits]),
    )
    close = (apart <= radius_km).tolist()
    inside = [hit for hit, is_close in zip(hits, close, strict=True) if is_close]
    outside = [hit for hit, is_close in zip(hits, close, strict=True) if not is_close]
    return inside, outside
