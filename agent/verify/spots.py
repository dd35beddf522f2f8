"""Spots inside a leading place: photos within about 50 m of each other, and their evidence.

The place is chosen among cities, the spot among corners: what tells corners apart is geometry, and
where no pictures are there, how densely the alike photos lie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.agent.state import Candidate, Hit, Spot
from geofix.agent.verify.candidates import SMALLEST_RADIUS_KM
from geofix.agent.verify.geometry import AGREEING_INLIERS, MOST_LOG, inliers_of, sum_of_independent
from geofix.agent.verify.observed import FloatArray, Observed, near
from geofix.agent.verify.scorer import Scorer
from geofix.tools.geo.distance import distances_km, haversine_km, spherical_mean
from geofix.tools.statistics.clusters import vote_weights

SPOT_TEMPERATURE = 0.05
"""Temperature of the votes among spots. That of places comes from the null distribution, which
tells how similar far places look, and nothing of a street's two ends. On 160 real street photos
without pictures 0.05 put 62.5 % within 25 m and 41 % within 10 m where the gallery's 0.07 put 61.9
and 38 %; on simulated ones, whose own is 0.03, 65.7 % instead of 64.3 %, and more with more, which
the real ones do not bear out."""

BANDWIDTHS_M = (10.0, 50.0, 200.0)

REACHES_M = (25.0, 100.0, 1000.0)
"""Votes are counted this far around a spot's best photo, for scorers that are fitted."""

TEMPERATURES = (0.05, 0.1, 0.2)
"""Temperatures of those votes, from nearly all for the most similar photo to about equal votes."""

LEAST_LOG = -10.0
"""A spot has at least its best photo's vote."""

SPOT_FEATURES: dict[str, tuple[str, float, float]] = {
    "spot_share": ("share of the place's votes", 0, 1),
    "spot_density_10_m": ("share of the votes, Gaussian", 0, 1),
    "spot_density_50_m": ("share of the votes, Gaussian", 0, 1),
    "spot_density_200_m": ("share of the votes, Gaussian", 0, 1),
    **{
        f"spot_votes_{reach:g}_m_{temperature:g}": ("ln share of the place's votes", LEAST_LOG, 0)
        for reach in REACHES_M
        for temperature in TEMPERATURES
    },
    "spot_rank": ("1/rank in the place", 0, 1),
    "spot_first": ("1 where it has the place's most similar photo", 0, 1),
    "spot_similarity": ("cosine less that of the most similar photo", -2, 0),
    "spot_log_inliers": ("ln inliers of the best photo", 0, MOST_LOG),
    "spot_log_inliers_sum": ("ln inliers over independent photos", 0, MOST_LOG),
    "spot_inlier_share": ("share of the best photo's matches", 0, 1),
    "spot_inlier_coverage": ("share of the photo", 0, 1),
    "spot_inliers_lead": ("ln ratio to the best photo elsewhere", -MOST_LOG, MOST_LOG),
    "spot_not_compared": ("1 where no picture was compared", 0, 1),
}
"""Unit, least and most of each feature."""


@dataclass(frozen=True, slots=True)
class PlaceVotes:
    """The `n` photos of one place, most similar first, and what is the same for all its spots."""

    hits: Sequence[Hit]
    latitude: FloatArray
    longitude: FloatArray
    apart_km: FloatArray
    """Between the photos, `[n, n]`."""
    votes: FloatArray
    """Votes at `SPOT_TEMPERATURE`, `[n]`, that sum to 1."""
    densities: Mapping[str, FloatArray]
    """Votes around each photo by the name of the feature, Gaussian, `[n]`."""
    reached: Mapping[str, FloatArray]
    """Logarithm of the votes within a reach of each photo, by the name of the feature, `[n]`."""
    inliers: NDArray[np.int64]
    """Inliers of each photo, `[n]`; 0 where it was not compared."""
    is_compared: NDArray[np.bool_]
    observed: Observed

    @classmethod
    def of(cls, hits: Sequence[Hit], observed: Observed) -> PlaceVotes:
        """Count the votes of a place's photos, most similar first, at least one."""
        latitude = np.array([hit.latitude for hit in hits])
        longitude = np.array([hit.longitude for hit in hits])
        apart_km = distances_km(latitude, longitude, latitude, longitude)
        similarities = [hit.similarity for hit in hits]
        votes = vote_weights(similarities, SPOT_TEMPERATURE)
        flat = np.column_stack([vote_weights(similarities, one) for one in TEMPERATURES])
        reached = {}
        for reach in REACHES_M:
            within = (apart_km <= reach / 1000) @ flat
            logs = np.log(np.clip(within, math.exp(LEAST_LOG), 1.0))
            for temperature, row in zip(TEMPERATURES, logs.T, strict=True):
                reached[f"spot_votes_{reach:g}_m_{temperature:g}"] = row
        return cls(
            hits,
            latitude,
            longitude,
            apart_km,
            votes,
            densities={
                f"spot_density_{width:g}_m": np.exp(-0.5 * (apart_km / (width / 1000)) ** 2) @ votes
                for width in BANDWIDTHS_M
            },
            reached=reached,
            inliers=np.array([inliers_of(hit, observed) for hit in hits], dtype=np.int64),
            is_compared=np.array([hit.photo_id in observed.matches for hit in hits]),
            observed=observed,
        )


def spot_parts(place: PlaceVotes, members: list[int]) -> dict[str, float]:
    """Return the features of one spot by name.

    Args:
        place: The photos of the spot's place.
        members: Which of them are the spot's, most similar first.
    """
    hits, best = place.hits, members[0]
    return {
        "spot_share": min(1.0, float(place.votes[members].sum())),
        **{
            name: min(1.0, float(density[members].max()))
            for name, density in place.densities.items()
        },
        **{name: float(votes[best]) for name, votes in place.reached.items()},
        "spot_rank": 1 / (1 + best),
        "spot_first": float(best == 0),
        "spot_similarity": max(-2.0, hits[best].similarity - hits[0].similarity),
        **_geometry(place, members),
    }


def _geometry(place: PlaceVotes, members: list[int]) -> dict[str, float]:
    others = place.is_compared.copy()
    others[members] = False
    mine = sorted(
        (at for at in members if place.is_compared[at]), key=lambda at: -place.inliers[at]
    )
    best = place.observed.matches[place.hits[mine[0]].photo_id] if mine else None
    log_best = 0.0 if best is None else math.log1p(best.inliers)
    lead = 0.0
    if best is not None and others.any():
        lead = log_best - math.log1p(int(place.inliers[others].max()))
    together = sum_of_independent([place.hits[at] for at in mine], place.observed)
    return {
        "spot_log_inliers": min(MOST_LOG, log_best),
        "spot_log_inliers_sum": min(MOST_LOG, math.log1p(together)),
        "spot_inlier_share": 0.0 if best is None else best.inlier_share,
        "spot_inlier_coverage": 0.0 if best is None else best.coverage,
        "spot_inliers_lead": max(-MOST_LOG, min(MOST_LOG, lead)),
        "spot_not_compared": float(best is None),
    }


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
    return sorted(map(scorer.weighed, spots), key=lambda spot: -spot.score)


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
