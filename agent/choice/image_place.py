"""How alike photo and place are, where a model compares the two (GeoCLIP and its kind)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.choice.nearby import FloatArray, Places, best_of
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Candidate


def compared_with(candidates: Sequence[Candidate], observed: Observed) -> Observed:
    """Return what is known, and how alike the photo and each candidate are where a model says."""
    if observed.likeness is None:
        return observed
    points = [(candidate.latitude, candidate.longitude) for candidate in candidates]
    alike = dict(zip(points, observed.likeness(points), strict=True))
    return replace(observed, image_place={**observed.image_place, **alike})


def image_place(places: Places, observed: Observed) -> FloatArray:
    """Return the similarity of photo and place, -1 to 1; 0 where no model was asked."""
    return np.nan_to_num(_similarity(places, observed))


def image_place_lead(places: Places, observed: Observed) -> FloatArray:
    """Return that similarity less the best of places farther than 25 km, -2 to 2; 0 if unknown."""
    if not observed.image_place:
        return places.all(0.0)
    latitudes, longitudes = zip(*observed.image_place, strict=True)
    elsewhere = places.apart_km(latitudes, longitudes) > PLACE_SCALE_KM
    best = best_of(np.array(list(observed.image_place.values())), elsewhere)
    lead = np.clip(_similarity(places, observed) - best, -2.0, 2.0)
    return np.where(np.isfinite(best), np.nan_to_num(lead), 0.0)


def _similarity(places: Places, observed: Observed) -> FloatArray:
    """Return what the model said of each place, `[c]`; NaN where it was not asked."""
    points = zip(places.latitude.tolist(), places.longitude.tolist(), strict=True)
    return np.array([observed.image_place.get(point, np.nan) for point in points])
