"""What speaks against a place: photos that look otherwise and were taken there."""

from __future__ import annotations

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.choice.nearby import FloatArray, Places
from geofix.agent.choice.observed import Observed


def contradiction(places: Places, observed: Observed) -> FloatArray:
    """Return the share of dissimilar photos that were taken within 25 km, 0 to 1."""
    negatives = observed.negatives
    if not negatives:
        return places.all(0.0)
    there: FloatArray = places.within(negatives, PLACE_SCALE_KM).mean(axis=1)
    return there
