"""Spots: inside a leading place, photos within about 50 m of each other, one of which is nearest.

The place is chosen among cities, the spot among corners: what tells corners apart is geometry, and
where no pictures are there, how densely the alike photos lie.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geofix.agent.candidates import SMALLEST_RADIUS_KM
from geofix.agent.choice.inliers import AGREEING_INLIERS
from geofix.agent.choice.nearby import near
from geofix.agent.choice.observed import Observed
from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.spot_features import PlaceVotes, spot_parts
from geofix.agent.spot import Spot
from geofix.agent.state import Candidate
from geofix.tools.geo import haversine_km, spherical_mean

SPOT_KM = 0.05
"""Photos this close to the best one of a spot are of the spot."""

NEIGHBOUR_KM = 0.1
"""Photos this close to it help to place it, where geometry agrees with them."""


def spots_of(candidate: Candidate, observed: Observed) -> list[Spot]:
    """Return the spots of a place, the one with the most similar photo first.

    Photos whose own coordinates are coarser than a spot are left out.
    """
    hits = [
        hit for hit in near(candidate, observed.retrieval.positives) if hit.accuracy_km <= SPOT_KM
    ]
    hits.sort(key=lambda hit: -hit.similarity)
    if not hits:
        return []
    place = PlaceVotes.of(hits, observed)
    return [_spot(place, members) for members in _grouped(place.apart_km)]


def at_best_spot(candidate: Candidate, observed: Observed, scorer: Scorer) -> Candidate:
    """Return the place, its coordinates those of its best spot.

    A point that a draft names stays, unless geometry agrees with the spot; a place without exactly
    placed photos stays where its photos lie densest.
    """
    spots = scored(spots_of(candidate, observed), scorer)
    if not spots or candidate.vetoed is not None:
        return candidate
    best = spots[0]
    drafted = candidate.origin == "cluster+draft" and candidate.radius_km > SMALLEST_RADIUS_KM
    if drafted and best.inliers < AGREEING_INLIERS:
        return candidate
    moved_km = float(
        haversine_km(candidate.latitude, candidate.longitude, best.latitude, best.longitude)
    )
    return candidate.model_copy(
        update={
            "latitude": best.latitude,
            "longitude": best.longitude,
            # It still has to reach its photos from there.
            "radius_km": candidate.radius_km + moved_km,
            "spots": spots,
        }
    )


def scored(spots: Sequence[Spot], scorer: Scorer) -> list[Spot]:
    """Return the spots by what a scorer says of them, best first; ties stay in order."""
    weighed = [
        spot.model_copy(
            update={
                "terms": (terms := scorer.terms(spot.parts)),
                "score": scorer.probability_of(terms),
            }
        )
        for spot in spots
    ]
    return sorted(weighed, key=lambda spot: -spot.score)


def _grouped(apart: NDArray[np.float64]) -> list[list[int]]:
    """Return the photos by spot: around the most similar that is in none yet, no chains."""
    free = np.ones(len(apart), dtype=bool)
    groups = []
    while free.any():
        members = free & (apart[free.argmax()] <= SPOT_KM)
        groups.append(np.flatnonzero(members).tolist())
        free &= ~members
    return groups


def _spot(place: PlaceVotes, members: list[int]) -> Spot:
    latitude, longitude = _between(place, members)
    return Spot(
        latitude=latitude,
        longitude=longitude,
        parts=spot_parts(place, members),
        inliers=int(place.inliers[members].max()),
    )


def _between(place: PlaceVotes, members: list[int]) -> tuple[float, float]:
    """Return the mean of the spot's photos by votes, or by inliers where geometry agrees."""
    close = place.apart_km[members[0]] <= NEIGHBOUR_KM
    agreeing = np.flatnonzero(close & (place.inliers >= AGREEING_INLIERS)).tolist()
    is_agreed = not set(members).isdisjoint(agreeing)
    used = agreeing if is_agreed else members
    weights = (place.inliers if is_agreed else place.votes)[used]
    return spherical_mean(place.latitude[used], place.longitude[used], weights)
