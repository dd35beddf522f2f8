"""The places of a round, pooled from its photos and a model's drafts, before any is weighed.

A place is not a photo: photos within 25 km (the city scale) make one. Its scale is the finest at
which its photos have more than half of all votes.

However many samples a model gives, it has one voice, which they share: what a place gets of it is
the mean of their confidences over all samples. A draft that agrees with a place it was shown is
counted apart (`PooledPlace.agreeing`) and moves nothing: small models agree with the first place of
any list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from geofix.agent.state import Candidate, Draft, Hit
from geofix.tools.geo.countries import is_land
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM, distances_km, haversine_km
from geofix.tools.statistics import PLACE_KM, SCALES_KM
from geofix.tools.statistics.clusters import (
    LOOKS_KM,
    Mode,
    cluster_at_scales,
    clusters_of,
    density_mode,
    vote_weights,
)

KNOWN_AT_SHARE = 0.5
"""The scale of a place is the finest one at which it has more than this share of the votes."""

NOWHERE_KM = HALF_CIRCUMFERENCE_KM
"""The scale of a place without half of the votes at any scale: half the Earth's circumference."""

SEQUENCE_KM = 0.05
"""Photos closer than this are frames of one sequence, and one witness."""

SMALLEST_RADIUS_KM = 1.0
"""No photo pins a camera closer than this before geometry is checked."""

FLAT_TEMPERATURE = 0.1
"""Temperature of votes by which many similar photos can outvote one that is more similar."""

UNSTATED_CONFIDENCE = 0.5
"""The confidence of a draft that states none."""


@dataclass(frozen=True, slots=True)
class PooledPlace:
    """A place with its votes and drafts, from which `evidence` computes its features."""

    candidate: Candidate
    """Without features and score."""
    shares: Mapping[float, float] = field(default_factory=lambda: dict.fromkeys(LOOKS_KM, 0.0))
    """Share of all votes within each of `LOOKS_KM` of its best photo."""
    flat_votes: float = 0.0
    """Share of all votes at `FLAT_TEMPERATURE` within 25 km of its best photo."""
    impostor_share: float = 1.0
    """Share of gallery photos that resemble a far-away photo as much as its best photo does this
    one; 1 where that is not known, and without a photo."""
    confidence: float = 0.0
    """Mean confidence that all samples of a model give it, by coordinates of their own."""
    agreeing: float = 0.0
    """Share of all samples of a model that agree with it: that name it, or repeat its digits."""


@dataclass(frozen=True, slots=True)
class Votes:
    """The positives of a round with their votes, distances and clusters."""

    hits: Sequence[Hit]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    apart_km: NDArray[np.float64]
    """Distance from each photo to each, `[n, n]`."""
    weights: NDArray[np.float64]
    """Share of all votes of the run each photo has, `[n]`; together the region's own share."""
    flat: NDArray[np.float64]
    """The same at `FLAT_TEMPERATURE`."""
    labels: NDArray[np.int64]
    """Cluster of each photo at each of `LOOKS_KM`, `[scale, n]`."""

    def near(self, photos: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which photos of its cluster lie within each of `LOOKS_KM` of each of `g` photos.

        Clusters chain; without the cut a string of photos across a continent would be one place.

        Returns:
            `[scale, g, n]`.
        """
        together = self.labels[:, photos, None] == self.labels[:, None, :]
        close = self.apart_km[photos] <= np.array(LOOKS_KM)[:, None, None]
        inside: NDArray[np.bool_] = together & close
        return inside


def pool_candidates(
    hits: Sequence[Hit],
    drafts: Sequence[Draft],
    temperature: float,
    *,
    region_share: float = 1.0,
) -> list[PooledPlace]:
    """Return the places of positives and drafts, in no order.

    Args:
        hits: The round's positives.
        drafts: Drafts of a model; a draft beside a cluster's photos joins it, others make places
            of their own.
        temperature: Of the votes, see `vote_weights`.
        region_share: Share of all votes that the round's region had before it was searched alone;
            a finer look must not make a place surer than its region was.
    """
    latitude = np.array([hit.latitude for hit in hits], dtype=np.float64)
    longitude = np.array([hit.longitude for hit in hits], dtype=np.float64)
    similarities = [hit.similarity for hit in hits]
    apart_km = distances_km(latitude, longitude, latitude, longitude)
    votes = Votes(
        hits,
        latitude,
        longitude,
        apart_km,
        region_share * vote_weights(similarities, temperature),
        region_share * vote_weights(similarities, FLAT_TEMPERATURE),
        np.stack([scale.labels for scale in clusters_of(apart_km, LOOKS_KM)]),
    )
    places = votes.labels[LOOKS_KM.index(PLACE_KM)]
    groups = [np.flatnonzero(places == label) for label in dict.fromkeys(places.tolist())]
    return _with_drafts(
        _from_clusters(votes, groups),
        [[hits[i] for i in members.tolist()] for members in groups],
        [draft for draft in drafts if draft.latitude is not None],
    )


@dataclass(frozen=True, slots=True)
class _Cluster:
    """One place of photos, before it is known where its mode is."""

    members: NDArray[np.intp]
    best: int
    shares: dict[float, float]
    """Share of all votes within each of `LOOKS_KM` of the best photo."""
    flat: float
    near: dict[float, NDArray[np.bool_]]
    """The photos within each, `[n]`."""

    @property
    def known_km(self) -> float:
        """The finest scale at which it holds most of the votes."""
        return next((km for km in SCALES_KM if self.shares[km] > KNOWN_AT_SHARE), NOWHERE_KM)


def _from_clusters(votes: Votes, groups: Sequence[NDArray[np.intp]]) -> list[PooledPlace]:
    if not groups:
        return []
    best = np.array([members[votes.weights[members].argmax()] for members in groups])
    near = votes.near(best)
    shares = near @ votes.weights
    flat = near[LOOKS_KM.index(PLACE_KM)] @ votes.flat
    clusters = [
        _Cluster(
            members,
            int(best[at]),
            shares=dict(zip(LOOKS_KM, shares[:, at].tolist(), strict=True)),
            flat=float(flat[at]),
            near=dict(zip(LOOKS_KM, near[:, at], strict=True)),
        )
        for at, members in enumerate(groups)
    ]
    modes = [_mode(votes, cluster) for cluster in clusters]
    # How far each photo lies from each mode, and what its own place may be off.
    reached_km = distances_km(
        [mode.latitude for mode in modes],
        [mode.longitude for mode in modes],
        votes.latitude,
        votes.longitude,
    ) + np.array([hit.accuracy_km for hit in votes.hits])
    return [
        PooledPlace(
            _candidate(votes, cluster, mode, row),
            shares=cluster.shares,
            flat_votes=cluster.flat,
            impostor_share=1.0 if share is None else share,
        )
        for cluster, mode, row in zip(clusters, modes, reached_km, strict=True)
        for share in [votes.hits[cluster.best].impostor_share]
    ]


def _mode(votes: Votes, cluster: _Cluster) -> Mode:
    scale_km = min(cluster.known_km, PLACE_KM)
    support = np.flatnonzero(cluster.near[scale_km])
    return density_mode(
        votes.latitude[support].tolist(),
        votes.longitude[support].tolist(),
        votes.weights[support],
        bandwidth_km=scale_km,
        apart_km=votes.apart_km[np.ix_(support, support)] if len(support) > 1 else None,
    )


def _candidate(
    votes: Votes, cluster: _Cluster, mode: Mode, reached_km: NDArray[np.float64]
) -> Candidate:
    """Return the place; its radius reaches its photos and their own uncertainty, uncalibrated."""
    best, known_km = votes.hits[cluster.best], cluster.known_km
    # A place known nowhere reaches as far as anything that was found.
    reach_km = reached_km if known_km == NOWHERE_KM else reached_km[cluster.near[known_km]]
    return Candidate(
        latitude=mode.latitude,
        longitude=mode.longitude,
        radius_km=max(SMALLEST_RADIUS_KM, float(reach_km.max())),
        score=0.0,
        parts={},
        photos=len(cluster.members),
        independent=len(independent_photos([votes.hits[i] for i in cluster.members])),
        best_similarity=best.similarity,
        origin="cluster",
        scale_km=known_km,
    )


def _with_drafts(
    pooled: Sequence[PooledPlace], groups: Sequence[Sequence[Hit]], drafts: Sequence[Draft]
) -> list[PooledPlace]:
    """Return the places with the drafts beside their photos, then the drafts' own places.

    Args:
        pooled: Clusters of positives.
        groups: The photos of each.
        drafts: A model's, all with a place.
    """
    near = _nearest(drafts, groups)

    def beside(group: int | None) -> list[Draft]:
        return [draft for draft, at in zip(drafts, near, strict=True) if at == group]

    joined = [_joined(place, beside(group), drafts) for group, place in enumerate(pooled)]
    return [*joined, *_own_places(beside(None), drafts)]


def _nearest(drafts: Sequence[Draft], groups: Sequence[Sequence[Hit]]) -> list[int | None]:
    """Return for each draft the group with the photo nearest to it; none where that is over 25 km.

    Near a photo: the radius of a place may be as large as a continent.
    """
    hits = [hit for group in groups for hit in group]
    if not drafts or not hits:
        return [None] * len(drafts)
    group_of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    latitudes, longitudes = zip(*map(_point, drafts), strict=True)
    apart_km = distances_km(
        latitudes, longitudes, [hit.latitude for hit in hits], [hit.longitude for hit in hits]
    )
    return [
        int(group_of[row == row.min()].min()) if row.min() <= PLACE_KM else None for row in apart_km
    ]


def _joined(place: PooledPlace, mine: Sequence[Draft], drafts: Sequence[Draft]) -> PooledPlace:
    if not mine:
        return place
    candidate = place.candidate
    changes: dict[str, object] = {"origin": "cluster+draft"} if witnesses(mine) else {}
    # Inside the reach of its photos a draft may say more exactly where; then the radius has to
    # reach the photos from there.
    inside = [
        draft
        for draft in witnesses(mine)
        if candidate.radius_km > SMALLEST_RADIUS_KM
        and _apart_km(draft, candidate) <= candidate.radius_km
        and is_land(*_point(draft))
    ]
    if inside:
        center = _central(inside)
        latitude, longitude = _point(center)
        radius_km = candidate.radius_km + _apart_km(center, candidate)
        changes |= {"latitude": latitude, "longitude": longitude, "radius_km": radius_km}
    moved = candidate.model_copy(update=changes)
    return replace(
        place,
        candidate=moved,
        confidence=_confidence(mine, drafts),
        agreeing=_agreeing(mine, drafts),
    )


def _own_places(alone: Sequence[Draft], drafts: Sequence[Draft]) -> list[PooledPlace]:
    if not alone:
        return []
    latitudes, longitudes = zip(*map(_point, alone), strict=True)
    (clusters,) = cluster_at_scales(latitudes, longitudes, [PLACE_KM])
    places = []
    for label in dict.fromkeys(clusters.labels.tolist()):
        members = [alone[i] for i in np.flatnonzero(clusters.labels == label).tolist()]
        latitude, longitude = _point(_central(members))
        candidate = Candidate(
            latitude=latitude,
            longitude=longitude,
            radius_km=SCALES_KM[-1],
            score=0.0,
            parts={},
            photos=0,
            independent=0,
            best_similarity=None,
            origin="draft",
            scale_km=SCALES_KM[-1],
        )
        places.append(
            PooledPlace(
                candidate,
                confidence=_confidence(members, drafts),
                agreeing=_agreeing(members, drafts),
            )
        )
    return places


def witnesses(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts with coordinates of their own, and not of a place they were shown."""
    return [draft for draft in drafts if draft.latitude is not None and draft.agrees_with is None]


def stated_confidence(draft: Draft) -> float:
    """Return the confidence of a draft, 0 to 1; one half where it states none."""
    return UNSTATED_CONFIDENCE if draft.confidence is None else draft.confidence


def _confidence(mine: Sequence[Draft], drafts: Sequence[Draft]) -> float:
    return sum(map(stated_confidence, witnesses(mine))) / len(drafts)


def _agreeing(mine: Sequence[Draft], drafts: Sequence[Draft]) -> float:
    return sum(draft.agrees_with is not None for draft in mine) / len(drafts)


def _central(drafts: Sequence[Draft]) -> Draft:
    """Return the draft that the others are nearest to."""
    latitudes, longitudes = zip(*map(_point, drafts), strict=True)
    apart_km = distances_km(latitudes, longitudes, latitudes, longitudes)
    return drafts[int(apart_km.sum(axis=1).argmin())]


def _point(draft: Draft) -> tuple[float, float]:
    assert draft.latitude is not None and draft.longitude is not None
    return draft.latitude, draft.longitude


def _apart_km(draft: Draft, candidate: Candidate) -> float:
    return float(haversine_km(*_point(draft), candidate.latitude, candidate.longitude))


def independent_photos(members: Sequence[Hit]) -> list[Hit]:
    """Return the photos that are not frames of one walk: more than 50 m from each one before.

    Photos whose place is coarse share coordinates without having been taken side by side.
    """
    if len(members) < 2:
        return list(members)
    latitude, longitude = [hit.latitude for hit in members], [hit.longitude for hit in members]
    beside = distances_km(latitude, longitude, latitude, longitude) <= SEQUENCE_KM
    counted: list[Hit] = []
    beside_counted = np.zeros(len(members), dtype=bool)
    for at, hit in enumerate(members):
        if hit.accuracy_km > SEQUENCE_KM or not beside_counted[at]:
            counted.append(hit)
            beside_counted |= beside[at]
    return counted
