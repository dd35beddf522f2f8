"""Spots: inside a leading place, photos within about 50 m of each other, one of which is nearest.

The place is chosen among cities, the spot among corners: what tells corners apart is geometry, and
where no pictures are there, how densely the alike photos lie.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geofix.agent.candidates import SMALLEST_RADIUS_KM
from geofix.agent.choice.inliers import AGREEING_INLIERS, inliers_of
from geofix.agent.choice.nearby import apart_km, near
from geofix.agent.choice.observed import Observed
from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.spot_features import spot_parts
from geofix.agent.spot import Spot
from geofix.agent.state import Candidate, Hit
from geofix.tools.density import vote_weights
from geofix.tools.geo import haversine_km, spherical_mean

SPOT_KM = 0.05
"""Photos this close to the best one of a spot are of the spot."""

SPOT_TEMPERATURE = 0.05
"""Of the votes among spots. The null distribution, which places have theirs from, tells how alike
far places look, and nothing of a street's two ends. On 160 real street photos without pictures 0.05
put 62.5 % within 25 m and 41 % within 10 m where the gallery's 0.07 put 61.9 and 38 %; on simulated
ones, whose own is 0.03, 65.7 % instead of 64.3 %, and more with more, which the real ones do not
bear out."""

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
    votes = vote_weights([hit.similarity for hit in hits], SPOT_TEMPERATURE)
    latitude = np.array([hit.latitude for hit in hits])
    longitude = np.array([hit.longitude for hit in hits])
    apart = haversine_km(latitude[:, None], longitude[:, None], latitude, longitude)
    return [_spot(hits, members, apart, votes, observed) for members in _grouped(apart)]


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
    moved_km = apart_km(candidate, (best.latitude, best.longitude))
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
            update={"terms": scorer.terms(spot.parts), "score": scorer.probability(spot.parts)}
        )
        for spot in spots
    ]
    return sorted(weighed, key=lambda spot: -spot.score)


def _grouped(apart: NDArray[np.float64]) -> list[list[int]]:
    """Return the photos by spot: around the most similar that is in none yet, no chains."""
    free = list(range(len(apart)))
    groups = []
    while free:
        members = [at for at in free if apart[free[0], at] <= SPOT_KM]
        groups.append(members)
        free = [at for at in free if at not in members]
    return groups


def _spot(
    hits: Sequence[Hit],
    members: Sequence[int],
    apart: NDArray[np.float64],
    votes: NDArray[np.float64],
    observed: Observed,
) -> Spot:
    latitude, longitude = _between(hits, members, apart[members[0]], votes, observed)
    return Spot(
        latitude=latitude,
        longitude=longitude,
        parts=spot_parts(hits, members, apart, votes, observed),
        inliers=max(inliers_of(hits[at], observed) for at in members),
    )


def _between(
    hits: Sequence[Hit],
    members: Sequence[int],
    from_best_km: NDArray[np.float64],
    votes: NDArray[np.float64],
    observed: Observed,
) -> tuple[float, float]:
    """Return the mean of the spot's photos by votes, or by inliers where geometry agrees."""
    close = np.flatnonzero(from_best_km <= NEIGHBOUR_KM).tolist()
    agreeing = [at for at in close if inliers_of(hits[at], observed) >= AGREEING_INLIERS]
    used = agreeing if any(at in members for at in agreeing) else list(members)
    weights = [
        float(inliers_of(hits[at], observed)) if used is agreeing else float(votes[at])
        for at in used
    ]
    return spherical_mean(
        [hits[at].latitude for at in used], [hits[at].longitude for at in used], weights
    )
