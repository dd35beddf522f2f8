"""Which gallery photos an answer shows, and which a person compares while a run waits."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.answer import Evidence
from geofix.agent.state import Candidate, Hit, Retrieval
from geofix.agent.verify.candidates import SMALLEST_RADIUS_KM
from geofix.tools.geo.distance import haversine_km
from geofix.tools.statistics import PLACE_KM

MOST_EVIDENCE = 5
"""Photos listed; the trail holds all of them."""

MOST_AGAINST = 2
"""Photos of these that contradict the answer."""

SMALL = 0.02
"""A candidate with a smaller score is neither listed nor compared."""

COMPARED = 3
"""Leading candidates whose photos are shown while a run waits."""

PHOTOS_EACH = 2
"""Photos of each, as far as there is room."""


def evidence_within(
    answer: Candidate,
    reach_km: float,
    searches: Sequence[Retrieval],
    against: Sequence[Candidate] = (),
) -> list[Evidence]:
    """Return the most similar photos within the answer's reach, of all searches that count.

    Args:
        answer: Where the answer is.
        reach_km: Its reach.
        searches: What was found.
        against: Show the best photos of these other candidates too, which lie beyond the reach.
    """
    known = _most_similar(searches)
    off_km = _apart_km(answer, known)
    inside = [pair for pair in zip(off_km, known, strict=True) if pair[0] <= reach_km]
    large = [one for one in against if one.score >= SMALL]
    opposed = [
        (km, hit)
        for km, hit in zip(off_km, known, strict=True)
        if km > max(reach_km, PLACE_KM) and supported_by(hit, large)
    ][:MOST_AGAINST]
    best = [*inside[: MOST_EVIDENCE - len(opposed)], *opposed]
    best.sort(key=lambda pair: -pair[1].similarity)
    return [_evidence(hit, km) for km, hit in best]


def evidence_to_compare(
    candidates: Sequence[Candidate], searches: Sequence[Retrieval]
) -> list[Evidence]:
    """Return the most similar photos of each leading candidate, for a person who has to choose.

    Distances are from the first candidate.

    Args:
        candidates: In order.
        searches: What was found.
    """
    if not candidates:
        return []
    known = _most_similar(searches)
    from_first = _apart_km(candidates[0], known)
    shown: dict[int, tuple[float, Hit]] = {}
    worth = [one for one in candidates if one.photos and one.score >= SMALL][:COMPARED]
    there = [
        [
            (first_km, hit)
            for first_km, km, hit in zip(from_first, _apart_km(one, known), known, strict=True)
            if km <= PLACE_KM
        ]
        for one in worth
    ]
    # The best of each before the second best of any.
    for nth in range(PHOTOS_EACH):
        shown |= {photos[nth][1].photo_id: photos[nth] for photos in there if nth < len(photos)}
    best = sorted(list(shown.values())[:MOST_EVIDENCE], key=lambda pair: -pair[1].similarity)
    return [_evidence(hit, km) for km, hit in best]


def supported_by(photo: Evidence | Hit, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates within 25 km of a photo."""
    apart_km = _apart_km(photo, candidates)
    return [one for one, km in zip(candidates, apart_km, strict=True) if km <= PLACE_KM]


def own_reach_km(candidate: Candidate, searches: Sequence[Retrieval]) -> float:
    """Return how far the photos of the candidate's own place reach, in km.

    The radius of a candidate reaches all photos at the scale that the votes agree on; where they
    agree on none, that is every photo found, of other places too.

    Args:
        candidate: The place.
        searches: What was found.
    """
    known = _most_similar(searches)
    reached = [
        km + hit.accuracy_km
        for km, hit in zip(_apart_km(candidate, known), known, strict=True)
        if km <= PLACE_KM
    ]
    own_km = max([SMALLEST_RADIUS_KM, *reached]) if reached else candidate.radius_km
    return min(candidate.radius_km, own_km)


def _most_similar(searches: Sequence[Retrieval]) -> list[Hit]:
    """Return every photo found, once, most similar first."""
    hits = {hit.photo_id: hit for retrieval in searches for hit in retrieval.positives}
    return sorted(hits.values(), key=lambda hit: -hit.similarity)


def _apart_km(
    place: Candidate | Evidence | Hit, others: Sequence[Hit] | Sequence[Candidate]
) -> list[float]:
    if not others:
        return []
    apart_km: list[float] = haversine_km(
        place.latitude,
        place.longitude,
        [other.latitude for other in others],
        [other.longitude for other in others],
    ).tolist()
    return apart_km


def _evidence(hit: Hit, distance_km: float) -> Evidence:
    shared = Evidence.model_fields.keys() & Hit.model_fields.keys()
    return Evidence(distance_km=round(distance_km, 3), **hit.model_dump(include=set(shared)))
