"""What the votes of the retrieved photos say of a place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from geofix.agent.choice.nearby import FloatArray, Places, best_of
from geofix.agent.choice.observed import Observed


def share(scale_km: float) -> Callable[[Places, Observed], FloatArray]:
    """Return the feature of one scale: share of all votes within it of the place's best photo."""

    def of(places: Places, observed: Observed) -> FloatArray:
        return np.minimum(1.0, places.part(f"share_{scale_km:g}_km"))

    return of


def flat_votes(places: Places, observed: Observed) -> FloatArray:
    """Return its share of votes where many alike photos count beside one more alike, 0 to 1."""
    return np.minimum(1.0, places.part("flat_votes"))


def likeness(places: Places, observed: Observed) -> FloatArray:
    """Return how rare the similarity of its best photo is among photos of unlike places, 0 to 1."""
    return places.part("likeness")


def rank(places: Places, observed: Observed) -> FloatArray:
    """Return one over the rank of its best photo, 0 to 1; 0 without a photo."""
    best = best_of(places.similarity, places.near)
    ahead = (places.similarity > best[:, None]).sum(axis=1)
    return np.where(places.near.any(axis=1), 1 / (1 + ahead), 0.0)


def margin(places: Places, observed: Observed) -> FloatArray:
    """Return its best similarity less the best elsewhere, -2 to 2; 0 where either is missing."""
    mine = best_of(places.similarity, places.near)
    others = best_of(places.similarity, ~places.near)
    both = np.isfinite(mine) & np.isfinite(others)
    lead: FloatArray = np.clip(np.where(both, mine, 0.0) - np.where(both, others, 0.0), -2.0, 2.0)
    return lead


def sharpness(places: Places, observed: Observed) -> FloatArray:
    """Return the best similarity of the search less the median, 0 to 2; the same for all places."""
    found = places.similarity
    if not len(found):
        return places.all(0.0)
    return places.all(min(2.0, float(found.max()) - float(np.median(found))))


def independent(places: Places, observed: Observed) -> FloatArray:
    """Return the logarithm of one plus its photos that were not taken side by side, 0 to 6."""
    photos = np.array([candidate.independent for candidate in places.candidates], float)
    logs: FloatArray = np.minimum(6.0, np.log1p(photos))
    return logs
