"""What a model's drafts say of a place, and of each other. All samples are one voice."""

from __future__ import annotations

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.choice.nearby import drafts_near, witnesses
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Candidate
from geofix.tools.geo import haversine_km

REGION_KM = 200.0


def draft(candidate: Candidate, observed: Observed) -> float:
    """Return the mean confidence of all samples that goes to this place, 0 to 1."""
    return min(1.0, candidate.parts.get("draft", 0.0))


def drafts_here(candidate: Candidate, observed: Observed) -> float:
    """Return the share of all samples within 25 km, 0 to 1; 0 where nothing was drafted."""
    return _share(candidate, observed, PLACE_SCALE_KM)


def drafts_in_region(candidate: Candidate, observed: Observed) -> float:
    """Return the share of all samples within 200 km, 0 to 1; 0 where nothing was drafted."""
    return _share(candidate, observed, REGION_KM)


def drafts_together(candidate: Candidate, observed: Observed) -> float:
    """Return the largest share of samples within 200 km of one of them, 0 to 1; the same for all.

    One sample agrees with nothing: it gives 0.
    """
    points = [
        (said.latitude, said.longitude)
        for said in witnesses(observed.drafts)
        if said.latitude is not None and said.longitude is not None
    ]
    if len(points) < 2:
        return 0.0
    around = [
        sum(float(haversine_km(*point, *other)) <= REGION_KM for other in points)
        for point in points
    ]
    return max(around) / len(points) if max(around) > 1 else 0.0


def _share(candidate: Candidate, observed: Observed, radius_km: float) -> float:
    placed = [said for said in observed.drafts if said.latitude is not None]
    if not placed:
        return 0.0
    return len(drafts_near(candidate, observed.drafts, radius_km)) / len(placed)
