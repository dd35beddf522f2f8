"""What a model's drafts say of a place, and of each other. All samples are one voice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.choice.nearby import FloatArray, Places, witnesses
from geofix.agent.choice.observed import Observed
from geofix.agent.state import Draft
from geofix.tools.geo import distances_km

REGION_KM = 200.0


def draft(places: Places, observed: Observed) -> FloatArray:
    """Return the mean confidence of all samples that goes to this place, 0 to 1."""
    return np.minimum(1.0, places.part("draft"))


def drafts_here(places: Places, observed: Observed) -> FloatArray:
    """Return the share of all samples within 25 km, 0 to 1; 0 where nothing was drafted."""
    return _share(places, observed, PLACE_SCALE_KM)


def drafts_in_region(places: Places, observed: Observed) -> FloatArray:
    """Return the share of all samples within 200 km, 0 to 1; 0 where nothing was drafted."""
    return _share(places, observed, REGION_KM)


def drafts_together(places: Places, observed: Observed) -> FloatArray:
    """Return the largest share of samples within 200 km of one of them, 0 to 1; the same for all.

    One sample agrees with nothing: it gives 0.
    """
    latitudes, longitudes = _points(observed.drafts)
    if len(latitudes) < 2:
        return places.all(0.0)
    around = (distances_km(latitudes, longitudes, latitudes, longitudes) <= REGION_KM).sum(axis=1)
    return places.all(float(around.max()) / len(latitudes) if around.max() > 1 else 0.0)


def _share(places: Places, observed: Observed, radius_km: float) -> FloatArray:
    placed = sum(said.latitude is not None for said in observed.drafts)
    if not placed:
        return places.all(0.0)
    there = places.apart_km(*_points(observed.drafts)) <= radius_km
    share: FloatArray = there.sum(axis=1) / placed
    return share


def _points(drafts: Sequence[Draft]) -> tuple[list[float], list[float]]:
    """Return latitudes and longitudes of the drafts that are witnesses."""
    points = [
        (said.latitude, said.longitude)
        for said in witnesses(drafts)
        if said.latitude is not None and said.longitude is not None
    ]
    return [latitude for latitude, _ in points], [longitude for _, longitude in points]
