"""Where drafts go among the candidates: to the place they lie in, or to one of their own.

However many samples a model gives, it has one voice, which they share: what a place gets of it is
the mean of their confidences over all samples. A draft that repeats coordinates it was shown adds
nothing and moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geofix.agent.state import Candidate, Draft, Hit
from geofix.tools.clusters import SCALES_KM, cluster_at_scales
from geofix.tools.countries import is_land
from geofix.tools.geo import distances_km, haversine_km

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
