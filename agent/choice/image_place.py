"""How alike photo and place are, where a model compares the two (GeoCLIP and its kind)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.choice.nearby import apart_km
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Candidate


def compared_with(candidates: Sequence[Candidate], observed: Observed) -> Observed:
    """Return what is known, with how alike the photo and each candidate are where a model says."""
    if observed.likeness is None:
        return observed
    points = [(candidate.latitude, candidate.longitude) for candidate in candidates]
    alike = dict(zip(points, observed.likeness(points), strict=True))
    return replace(observed, image_place=alike)


def image_place(candidate: Candidate, observed: Observed) -> float:
    """Return the similarity of photo and place, -1 to 1; 0 where no model was asked."""
    return _similarity(candidate, observed) or 0.0


def image_place_lead(candidate: Candidate, observed: Observed) -> float:
    """Return that similarity less the best of places farther than 25 km, -2 to 2; 0 if unknown."""
    mine = _similarity(candidate, observed)
    others = [
        similarity
        for point, similarity in observed.image_place.items()
        if apart_km(candidate, point) > PLACE_SCALE_KM
    ]
    return 0.0 if mine is None or not others else max(-2.0, min(2.0, mine - max(others)))


def _similarity(candidate: Candidate, observed: Observed) -> float | None:
    return observed.image_place.get((candidate.latitude, candidate.longitude))
