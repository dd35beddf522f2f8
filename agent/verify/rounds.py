"""The order of candidates, and what a finer round keeps of the round before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geofix.agent.regions import are_inside
from geofix.agent.state import Candidate, Hit, Region, Retrieval
from geofix.tools.geo.distance import distances_km
from geofix.tools.statistics import PLACE_KM
from geofix.tools.statistics.clusters import DEFAULT_TEMPERATURE, vote_weights


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates in order, with rank and distance from the first filled in.

    Vetoed ones are last; one held back stands behind all that are not.
    """
    return numbered(in_order(candidates))


def in_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates in the order of `ranked`, as they are."""
    return sorted(
        candidates,
        key=lambda c: (c.vetoed is not None, c.held_back is not None, -c.score, -c.photos),
    )


def numbered(ordered: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates in the order given, with rank and distance from the first filled in."""
    if not ordered:
        return []
    from_first = distances_between_km(ordered[:1], ordered)[0].tolist()
    return [
        candidate.model_copy(update={"rank": rank, "distance_km": distance_km})
        for rank, (candidate, distance_km) in enumerate(
            zip(ordered, from_first, strict=True), start=1
        )
    ]


def carried(
    before: Sequence[Candidate], inside: Sequence[Candidate], searched: Sequence[Region]
) -> list[Candidate]:
    """Return the candidates of a finer round together with the earlier ones outside its regions.

    Args:
        before: Of the round before.
        inside: Of this one.
        searched: Where this one looked.
    """
    nearest_km = distances_between_km(before, inside).min(axis=1, initial=np.inf)
    looked_at = _in_any(searched, before)
    outside = [
        candidate
        for candidate, apart_km, seen in zip(before, nearest_km, looked_at, strict=True)
        if apart_km > PLACE_KM and not seen
    ]
    return [*inside, *outside]


def _in_any(regions: Sequence[Region], places: Sequence[Candidate] | Sequence[Hit]) -> list[bool]:
    """Say of each place whether one of some regions holds it."""
    latitudes = [place.latitude for place in places]
    longitudes = [place.longitude for place in places]
    inside = [are_inside(region, latitudes, longitudes) for region in regions]
    return [any(row) for row in zip(*inside, strict=True)] if inside else [False] * len(places)


def distances_between_km(
    some: Sequence[Candidate], others: Sequence[Candidate]
) -> NDArray[np.float64]:
    """Return the great-circle distance from each of some candidates to each of others."""
    return distances_km(
        [candidate.latitude for candidate in some],
        [candidate.longitude for candidate in some],
        [candidate.latitude for candidate in others],
        [candidate.longitude for candidate in others],
    )


def region_share(retrievals: Sequence[Retrieval]) -> float:
    """Return the share of all votes that the latest round's regions had in the rounds before.

    Each finer round searches a part of the one before; the shares of the parts multiply.
    """
    share = 1.0
    for wider, finer in pairwise(retrievals):
        looked_at = searched(finer)
        if not looked_at:
            continue
        weights = vote_weights(
            [hit.similarity for hit in wider.positives],
            wider.temperature or DEFAULT_TEMPERATURE,
        )
        share *= float(weights[_in_any(looked_at, wider.positives)].sum())
    return share


def searched(retrieval: Retrieval) -> list[Region]:
    """Return where a round looked: its region and its runner-up's; empty where everywhere."""
    if retrieval.region is None:
        return []
    both = (retrieval.region, retrieval.rival)
    return [region for region in both if region is not None]
