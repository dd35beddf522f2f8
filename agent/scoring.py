"""The score of a candidate, without the model: hand-set weights, every part shown.

Issue D replaces the weights by trained ones; the parts and their ranges stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.regions import holds
from geofix.agent.state import Candidate, Hit, Region, Retrieval
from geofix.tools.countries import is_land
from geofix.tools.density import DEFAULT_TEMPERATURE, vote_weights
from geofix.tools.geo import haversine_km

SHARE_WEIGHTS = {1.0: 0.10, 25.0: 0.45, 200.0: 0.15, 750.0: 0.05, 2500.0: 0.05}
"""How much of the score the votes within each scale make, km."""

LIKENESS_WEIGHT = 0.10
"""For how rare the similarity of its best photo is among photos of unlike places."""

DRAFT_WEIGHT = 0.10
"""For a model's draft that names the place: one voice, never a majority."""

CONTRADICTION_WEIGHT = 0.10
"""Taken off where dissimilar photos were taken at the same place."""

SUPPORT_KM = 200.0
"""A draft needs a positive this close, or it may not be the answer."""


def score(
    candidates: Sequence[Candidate],
    positives: Sequence[Hit],
    negatives: Sequence[Hit],
) -> list[Candidate]:
    """Return the candidates with scores and vetoes, best first; vetoed ones last.

    Args:
        candidates: As pooled.
        positives: The round's, for the veto over unsupported drafts.
        negatives: The round's, for contradiction.
    """
    scored = [_scored(candidate, positives, negatives) for candidate in candidates]
    return ranked(scored)


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates in order, with rank and distance from the first filled in."""
    ordered = sorted(candidates, key=lambda c: (c.vetoed is not None, -c.score, -c.photos))
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
    before: Sequence[Candidate], inside: Sequence[Candidate], region: Region
) -> list[Candidate]:
    """Return the candidates of a finer round together with the earlier ones outside its region."""
    outside = [
        candidate
        for candidate in before
        if not holds(region, candidate.latitude, candidate.longitude)
        and all(distance_between_km(candidate, other) > PLACE_SCALE_KM for other in inside)
    ]
    return ranked([*inside, *outside])


def region_share(retrievals: Sequence[Retrieval]) -> float:
    """Return the share of all votes that the latest round's region had in the rounds before.

    Each finer round searches a part of the one before; the shares of the parts multiply.
    """
    share = 1.0
    for wider, finer in pairwise(retrievals):
        if finer.region is None:
            continue
        weights = vote_weights(
            [hit.similarity for hit in wider.positives],
            wider.temperature or DEFAULT_TEMPERATURE,
        )
        inside = [holds(finer.region, hit.latitude, hit.longitude) for hit in wider.positives]
        share *= float(weights[inside].sum())
    return share


def distance_between_km(a: Candidate, b: Candidate) -> float:
    """Return the great-circle distance between two candidates."""
    return float(haversine_km(a.latitude, a.longitude, b.latitude, b.longitude))


def _scored(
    candidate: Candidate,
    positives: Sequence[Hit],
    negatives: Sequence[Hit],
) -> Candidate:
    parts = {
        "draft": 0.0,
        "likeness": 0.0,
        **candidate.parts,
        "contradiction": _contradiction(candidate, negatives),
        "land": float(is_land(candidate.latitude, candidate.longitude)),
    }
    total = sum(weight * parts[f"share_{km:g}_km"] for km, weight in SHARE_WEIGHTS.items())
    total += LIKENESS_WEIGHT * parts["likeness"] + DRAFT_WEIGHT * parts["draft"]
    total -= CONTRADICTION_WEIGHT * parts["contradiction"]
    return candidate.model_copy(
        update={
            "score": min(1.0, max(0.0, total)),
            "parts": parts,
            "vetoed": _veto(candidate, positives, parts["land"]),
        }
    )


def _contradiction(candidate: Candidate, negatives: Sequence[Hit]) -> float:
    if not negatives:
        return 0.0
    near = [
        hit
        for hit in negatives
        if haversine_km(candidate.latitude, candidate.longitude, hit.latitude, hit.longitude)
        <= PLACE_SCALE_KM
    ]
    return len(near) / len(negatives)


def _veto(candidate: Candidate, positives: Sequence[Hit], land: float) -> str | None:
    if candidate.photos:
        return None
    if not land:
        return "the drafted point lies in the sea and no photo speaks for it"
    supported = any(
        haversine_km(candidate.latitude, candidate.longitude, hit.latitude, hit.longitude)
        <= SUPPORT_KM
        for hit in positives
    )
    return None if supported else f"no retrieved photo within {SUPPORT_KM:g} km supports the draft"
