"""The candidates of a round: clusters of positives and drafts, pooled.

A candidate is a place, not a photo: photos within 25 km (the city scale) make one. How well it is
supported at each scale is written into its parts, and the finest scale at which its photos hold
more than half of all votes is the scale at which it is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.agent.drafted_places import join_drafts
from geofix.agent.state import Candidate, Draft, Hit
from geofix.tools.clusters import LOOKS_KM, SCALES_KM, ScaleClusters, cluster_at_scales
from geofix.tools.density import density_mode, vote_weights
from geofix.tools.geo import HALF_CIRCUMFERENCE_KM, haversine_km

PLACE_SCALE_KM = 25.0
"""Photos this close are one candidate."""

KNOWN_AT_SHARE = 0.5
"""A place is known at the finest scale at which it holds more than this share of the votes."""

NOWHERE_KM = HALF_CIRCUMFERENCE_KM
"""Scale of a place that holds half of the votes at no scale: half the Earth's circumference."""

SEQUENCE_KM = 0.05
"""Photos closer than this are frames of one sequence, and one witness."""

SMALLEST_RADIUS_KM = 1.0
"""No photo pins a camera closer than this before geometry is checked."""

FLAT_TEMPERATURE = 0.1
"""Of votes that let many alike photos stand against one that is more alike."""


@dataclass(frozen=True, slots=True)
class Votes:
    """The positives of a round with their votes, and how they hang together."""

    hits: Sequence[Hit]
    weights: NDArray[np.float64]
    """Share of all votes of the run each photo has, `[n]`; together the region's own share."""
    flat: NDArray[np.float64]
    """The same at `FLAT_TEMPERATURE`."""
    scales: Sequence[ScaleClusters]

    def near(self, index: int, scale_km: float) -> NDArray[np.intp]:
        """Return the photos of one cluster that lie within its scale of photo `index`.

        Clusters chain; without the cut a string of photos across a continent would be one place.
        """
        scale = next(scale for scale in self.scales if scale.scale_km == scale_km)
        members = scale.members(index)
        center = self.hits[index]
        distances = [
            haversine_km(
                center.latitude, center.longitude, self.hits[i].latitude, self.hits[i].longitude
            )
            for i in members.tolist()
        ]
        return members[np.asarray(distances) <= scale_km]


def pool_candidates(
    hits: Sequence[Hit],
    drafts: Sequence[Draft],
    temperature: float,
    *,
    region_share: float = 1.0,
) -> list[Candidate]:
    """Return the places that positives and drafts speak for, unscored and unranked.

    Args:
        hits: The round's positives.
        drafts: Drafts of a model; a draft beside a cluster's photos joins it, others make places
            of their own.
        temperature: Of the votes, see `vote_weights`.
        region_share: Share of all votes that the round's region had before it was searched alone;
            a finer look must not make a place surer than its region was.
    """
    latitudes, longitudes = [hit.latitude for hit in hits], [hit.longitude for hit in hits]
    similarities = [hit.similarity for hit in hits]
    votes = Votes(
        hits,
        region_share * vote_weights(similarities, temperature),
        region_share * vote_weights(similarities, FLAT_TEMPERATURE),
        cluster_at_scales(latitudes, longitudes, LOOKS_KM),
    )
    places = next(scale for scale in votes.scales if scale.scale_km == PLACE_SCALE_KM)
    groups = [np.flatnonzero(places.labels == label) for label in dict.fromkeys(places.labels)]
    return join_drafts(
        [_from_cluster(votes, members) for members in groups],
        [[hits[i] for i in members.tolist()] for members in groups],
        drafts,
        place_km=PLACE_SCALE_KM,
        smallest_radius_km=SMALLEST_RADIUS_KM,
    )


def _from_cluster(votes: Votes, members: NDArray[np.intp]) -> Candidate:
    hits, weights = votes.hits, votes.weights
    best = int(members[weights[members].argmax()])
    shares = {km: float(weights[votes.near(best, km)].sum()) for km in LOOKS_KM}
    known = next((km for km in SCALES_KM if shares[km] > KNOWN_AT_SHARE), NOWHERE_KM)
    support = votes.near(best, min(known, PLACE_SCALE_KM))
    # A place known nowhere reaches as far as anything that was found.
    everything = np.arange(len(hits))
    reach = everything if known == NOWHERE_KM else votes.near(best, known)
    mode = density_mode(
        [hits[i].latitude for i in support],
        [hits[i].longitude for i in support],
        weights[support],
        bandwidth_km=min(known, PLACE_SCALE_KM),
    )
    likeness = hits[best].impostor_share
    return Candidate(
        latitude=mode.latitude,
        longitude=mode.longitude,
        radius_km=_radius_km(mode.latitude, mode.longitude, [hits[i] for i in reach]),
        score=0.0,
        parts={
            **{f"share_{km:g}_km": share for km, share in shares.items()},
            "flat_votes": float(votes.flat[votes.near(best, PLACE_SCALE_KM)].sum()),
            "likeness": 0.0 if likeness is None else 1 - likeness,
        },
        photos=len(members),
        independent=len(independent_photos([hits[i] for i in members])),
        best_similarity=hits[best].similarity,
        origin="cluster",
        scale_km=known,
    )


def independent_photos(members: Sequence[Hit]) -> list[Hit]:
    """Return the photos that are not frames of one walk: more than 50 m from each one before.

    Photos whose place is coarse share coordinates without having been taken side by side.
    """
    counted: list[Hit] = []
    for hit in members:
        coarse = hit.accuracy_km > SEQUENCE_KM
        if coarse or all(
            haversine_km(hit.latitude, hit.longitude, other.latitude, other.longitude) > SEQUENCE_KM
            for other in counted
        ):
            counted.append(hit)
    return counted


def _radius_km(latitude: float, longitude: float, reach: Sequence[Hit]) -> float:
    """Return the distance to the farthest photo, and its own uncertainty; not calibrated."""
    reached = [
        float(haversine_km(latitude, longitude, hit.latitude, hit.longitude)) + hit.accuracy_km
        for hit in reach
    ]
    return max(SMALLEST_RADIUS_KM, *reached)
