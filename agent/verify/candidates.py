"""The candidates of a round: clusters of positives and drafts, pooled.

A candidate is a place, not a photo: photos within 25 km (the city scale) make one. How well it is
supported at each scale is written into its parts, and the finest scale at which its photos hold
more than half of all votes is the scale at which it is known.

However many samples a model gives, it has one voice, which they share: what a place gets of it is
the mean of their confidences over all samples. A draft that repeats coordinates it was shown adds
nothing and moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofix.agent.state import Candidate, Draft, Hit
from geofix.tools.geo.countries import is_land
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM, distances_km, haversine_km
from geofix.tools.statistics.clusters import (
    LOOKS_KM,
    SCALES_KM,
    Mode,
    cluster_at_scales,
    clusters_of,
    density_mode,
    vote_weights,
)

NO_WORD = 0.5
"""The confidence of a draft that was not asked for one."""


def join_drafts(
    pooled: Sequence[Candidate],
    groups: Sequence[Sequence[Hit]],
    drafts: Sequence[Draft],
    *,
    place_km: float,
    smallest_radius_km: float,
) -> list[Candidate]:
    """Return the candidates with the drafts beside their photos, then the drafts' own places.

    Args:
        pooled: Clusters of positives.
        groups: The photos of each.
        drafts: Of a model; those without a place are left out.
        place_km: A draft this close to a photo is in its place; drafts this close are one place.
        smallest_radius_km: A place this narrow is pinned down by its photos.
    """
    placed = [draft for draft in drafts if draft.latitude is not None]
    near = _nearest(placed, groups, place_km)
    joined = []
    for index, candidate in enumerate(pooled):
        mine = [draft for draft, at in zip(placed, near, strict=True) if at == index]
        joined.append(_with_drafts(candidate, mine, len(placed), smallest_radius_km))
    alone = [draft for draft, at in zip(placed, near, strict=True) if at is None]
    return [*joined, *_own_places(alone, len(placed), place_km)]


def _nearest(
    drafts: Sequence[Draft], groups: Sequence[Sequence[Hit]], place_km: float
) -> list[int | None]:
    """Return for each draft the group with the photo nearest to it; none where none is so near.

    Beside a photo, not somewhere in the reach of a place that is known to a continent only.
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
        int(group_of[row == row.min()].min()) if row.min() <= place_km else None for row in apart_km
    ]


def _with_drafts(
    candidate: Candidate, drafts: Sequence[Draft], voices: int, smallest_radius_km: float
) -> Candidate:
    if not drafts:
        return candidate
    word = _word(drafts, voices)
    changes: dict[str, object] = {
        "origin": "cluster+draft",
        "parts": {**candidate.parts, "draft": word},
    }
    # Inside the reach of its photos a draft may say more exactly where; then the radius has to
    # reach the photos from there.
    inside = [
        draft
        for draft in _witnesses(drafts)
        if candidate.radius_km > smallest_radius_km
        and _apart_km(draft, candidate) <= candidate.radius_km
        and is_land(*_point(draft))
    ]
    if inside:
        center = _central(inside)
        latitude, longitude = _point(center)
        radius_km = candidate.radius_km + _apart_km(center, candidate)
        changes |= {"latitude": latitude, "longitude": longitude, "radius_km": radius_km}
    return candidate.model_copy(update=changes)


def _own_places(drafts: Sequence[Draft], voices: int, place_km: float) -> list[Candidate]:
    if not drafts:
        return []
    points = [_point(draft) for draft in drafts]
    latitudes, longitudes = zip(*points, strict=True)
    (clusters,) = cluster_at_scales(latitudes, longitudes, [place_km])
    places = []
    for label in dict.fromkeys(clusters.labels.tolist()):
        members = [drafts[i] for i in np.flatnonzero(clusters.labels == label).tolist()]
        latitude, longitude = _point(_central(members))
        parts = {**{f"share_{km:g}_km": 0.0 for km in SCALES_KM}, "draft": _word(members, voices)}
        places.append(
            Candidate(
                latitude=latitude,
                longitude=longitude,
                radius_km=SCALES_KM[-1],
                score=0.0,
                parts=parts,
                photos=0,
                independent=0,
                best_similarity=None,
                origin="draft",
                scale_km=SCALES_KM[-1],
            )
        )
    return places


def _word(drafts: Sequence[Draft], voices: int) -> float:
    words = [NO_WORD if d.confidence is None else d.confidence for d in _witnesses(drafts)]
    return sum(words) / voices


def _witnesses(drafts: Sequence[Draft]) -> list[Draft]:
    return [draft for draft in drafts if draft.copied_from is None]


def _central(drafts: Sequence[Draft]) -> Draft:
    """Return the draft that the others are nearest to."""
    latitudes, longitudes = zip(*map(_point, drafts), strict=True)
    apart_km = distances_km(latitudes, longitudes, latitudes, longitudes)
    return drafts[int(apart_km.sum(axis=1).argmin())]


def _point(draft: Draft) -> tuple[float, float]:
    assert draft.latitude is not None and draft.longitude is not None
    return draft.latitude, draft.longitude


def _apart_km(draft: Draft, other: Draft | Hit | Candidate) -> float:
    assert other.latitude is not None and other.longitude is not None
    return float(haversine_km(*_point(draft), other.latitude, other.longitude))


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
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    apart_km: NDArray[np.float64]
    """From each photo to each, `[n, n]`."""
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
    places = votes.labels[LOOKS_KM.index(PLACE_SCALE_KM)]
    groups = [np.flatnonzero(places == label) for label in dict.fromkeys(places.tolist())]
    return join_drafts(
        _from_clusters(votes, groups),
        [[hits[i] for i in members.tolist()] for members in groups],
        drafts,
        place_km=PLACE_SCALE_KM,
        smallest_radius_km=SMALLEST_RADIUS_KM,
    )


@dataclass(frozen=True, slots=True)
class _Cluster:
    """One place of photos, before it is known where its mode is."""

    members: NDArray[np.intp]
    best: int
    shares: dict[float, float]
    """Of all votes, within each of `LOOKS_KM` of the best photo."""
    flat: float
    near: dict[float, NDArray[np.bool_]]
    """The photos within each, `[n]`."""

    @property
    def known_km(self) -> float:
        """The finest scale at which it holds most of the votes."""
        return next((km for km in SCALES_KM if self.shares[km] > KNOWN_AT_SHARE), NOWHERE_KM)


def _from_clusters(votes: Votes, groups: Sequence[NDArray[np.intp]]) -> list[Candidate]:
    if not groups:
        return []
    best = np.array([members[votes.weights[members].argmax()] for members in groups])
    near = votes.near(best)
    shares = near @ votes.weights
    flat = near[LOOKS_KM.index(PLACE_SCALE_KM)] @ votes.flat
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
        _candidate(votes, cluster, mode, row)
        for cluster, mode, row in zip(clusters, modes, reached_km, strict=True)
    ]


def _mode(votes: Votes, cluster: _Cluster) -> Mode:
    scale_km = min(cluster.known_km, PLACE_SCALE_KM)
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
        parts={
            **{f"share_{km:g}_km": share for km, share in cluster.shares.items()},
            "flat_votes": cluster.flat,
            "likeness": 0.0 if best.impostor_share is None else 1 - best.impostor_share,
        },
        photos=len(cluster.members),
        independent=len(independent_photos([votes.hits[i] for i in cluster.members])),
        best_similarity=best.similarity,
        origin="cluster",
        scale_km=known_km,
    )


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
