"""The order of candidates, and what a finer round keeps of the round before."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.regions import holds
from geofix.agent.state import Candidate, Region
from geofix.tools.geo import haversine_km


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates in order, with rank and distance from the first filled in.

    Vetoed ones are last; one held back stands behind all that are not.
    """
    ordered = sorted(
        candidates,
        key=lambda c: (c.vetoed is not None, c.held_back is not None, -c.score, -c.photos),
    )
    return numbered(ordered)


def numbered(ordered: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates in the order given, with rank and distance from the first filled in."""
    if not ordered:
        return []
    first = ordered[0]
    return [
        candidate.model_copy(
            update={"rank": rank, "distance_km": distance_between_km(first, candidate)}
        )
        for rank, candidate in enumerate(ordered, start=1)
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
    outside = [
        candidate
        for candidate in before
        if not any(holds(region, candidate.latitude, candidate.longitude) for region in searched)
        and all(distance_between_km(candidate, other) > PLACE_SCALE_KM for other in inside)
    ]
    return [*inside, *outside]


def distance_between_km(a: Candidate, b: Candidate) -> float:
    """Return the great-circle distance between two candidates."""
    return float(haversine_km(a.latitude, a.longitude, b.latitude, b.longitude))
