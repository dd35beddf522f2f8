"""The candidates of a round: clusters of positives and drafts, pooled.

A candidate is a place, not a photo: photos within 25 km (the city scale) make one. How well it is
supported at each scale is written into its parts, and the finest scale at which its photos hold
more than half of all votes is the scale at which it is known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geofix.agent.state import Candidate, Draft, Hit
from geofix.tools.clusters import SCALES_KM, ScaleClusters, cluster_at_scales
from geofix.tools.density import density_mode, vote_weights
from geofix.tools.geo import haversine_km

PLACE_SCALE_KM = 25.0
"""Photos this close are one candidate."""

KNOWN_AT_SHARE = 0.5
"""A place is known at the finest scale at which it holds more than this share of the votes."""

NOWHERE_KM = 20_037.6
"""Scale of a place that holds half of the votes at no scale: half the Earth's circumference."""

SMALLEST_RADIUS_KM = 1.0
"""No photo pins a camera closer than this before geometry is checked."""


def pool_candidates(
    hits: Sequence[Hit], drafts: Sequence[Draft], temperature: float
) -> list[Candidate]:
    """Return the places that positives and drafts speak for, unscored and unranked.

    Args:
        hits: The round's positives.
        drafts: Drafts of a model; a draft inside a cluster joins it, any other stands alone.
        temperature: Of the votes, see `vote_weights`.
    """
    weights = vote_weights([hit.similarity for hit in hits], temperature)
    scales = cluster_at_scales([hit.latitude for hit in hits], [hit.longitude for hit in hits])
    places = next(scale for scale in scales if scale.scale_km == PLACE_SCALE_KM)
    pooled = [
        _from_cluster(hits, weights, scales, np.flatnonzero(places.labels == label))
        for label in dict.fromkeys(places.labels.tolist())
    ]
    for draft in drafts:
        _join(pooled, draft)
    return pooled


def _from_cluster(
    hits: Sequence[Hit],
    weights: NDArray[np.float64],
    scales: Sequence[ScaleClusters],
    members: NDArray[np.intp],
) -> Candidate:
    best = int(members[weights[members].argmax()])
    shares = {scale.scale_km: float(weights[scale.members(best)].sum()) for scale in scales}
    known = next((km for km in SCALES_KM if shares[km] > KNOWN_AT_SHARE), NOWHERE_KM)
    finest = next(scale for scale in scales if scale.scale_km == min(known, PLACE_SCALE_KM))
    support = finest.members(best)
    reach = next((scale.members(best) for scale in scales if scale.scale_km == known), members)
    mode = density_mode(
        [hits[i].latitude for i in support],
        [hits[i].longitude for i in support],
        weights[support],
        bandwidth_km=finest.scale_km,
    )
    return Candidate(
        latitude=mode.latitude,
        longitude=mode.longitude,
        radius_km=_radius_km(mode.latitude, mode.longitude, [hits[i] for i in reach]),
        score=0.0,
        parts={
            **{f"share_{km:g}_km": share for km, share in shares.items()},
            "likeness": 1 - (1.0 if (p := hits[best].impostor_share) is None else p),
        },
        photos=len(members),
        best_similarity=hits[best].similarity,
        origin="cluster",
        scale_km=known,
    )


def _radius_km(latitude: float, longitude: float, reach: Sequence[Hit]) -> float:
    """Return the distance to the farthest photo, and its own uncertainty; not calibrated."""
    reached = [
        float(haversine_km(latitude, longitude, hit.latitude, hit.longitude)) + hit.accuracy_km
        for hit in reach
    ]
    return max(SMALLEST_RADIUS_KM, *reached)


def _join(pooled: list[Candidate], draft: Draft) -> None:
    if draft.latitude is None or draft.longitude is None:
        return
    near = [
        (distance, index)
        for index, candidate in enumerate(pooled)
        if (distance := _distance_km(candidate, draft)) <= max(PLACE_SCALE_KM, candidate.radius_km)
    ]
    if not near:
        pooled.append(_from_draft(draft))
        return
    distance, index = min(near)
    pooled[index] = _with_draft(pooled[index], draft, distance)


def _distance_km(candidate: Candidate, draft: Draft) -> float:
    assert draft.latitude is not None and draft.longitude is not None
    return float(
        haversine_km(candidate.latitude, candidate.longitude, draft.latitude, draft.longitude)
    )


def _with_draft(candidate: Candidate, draft: Draft, distance_km: float) -> Candidate:
    agreement = max(candidate.parts.get("draft", 0.0), _word(draft))
    changes: dict[str, object] = {
        "origin": "cluster+draft" if candidate.photos else "draft",
        "parts": {**candidate.parts, "draft": agreement},
    }
    # Inside the reach of its photos a draft may say more exactly where; it never widens the answer.
    if candidate.radius_km > SMALLEST_RADIUS_KM and distance_km <= candidate.radius_km:
        changes |= {"latitude": draft.latitude, "longitude": draft.longitude}
    return candidate.model_copy(update=changes)


def _from_draft(draft: Draft) -> Candidate:
    assert draft.latitude is not None and draft.longitude is not None
    return Candidate(
        latitude=draft.latitude,
        longitude=draft.longitude,
        radius_km=SCALES_KM[-1],
        score=0.0,
        parts={**{f"share_{km:g}_km": 0.0 for km in SCALES_KM}, "draft": _word(draft)},
        photos=0,
        best_similarity=None,
        origin="draft",
        scale_km=SCALES_KM[-1],
    )


def _word(draft: Draft) -> float:
    return 0.5 if draft.confidence is None else draft.confidence
