"""Evidence refines within a region; it moves the answer across regions only where kinds agree.

One model may be fooled by a sign in the photo, one picture may be of a chain store's other branch.
Votes, drafts, geometry and an image-place model fail for different reasons: two of them together
are believed against the place that votes alone would choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geofix.agent.choice.features import KINDS, Kind
from geofix.agent.choice.ranking import distance_between_km
from geofix.agent.choice.scorer import Scorer, logistic
from geofix.agent.state import Candidate

REGION_KM = 200.0
"""A candidate this close to the place with most votes is in its region."""

KINDS_NEEDED = 2

NOT_BEATEN = 0.5
"""Votes agree with a place whose probability by votes alone is at least this share of the
leader's; they are then no evidence against it."""

WITNESSES: tuple[Kind, ...] = ("drafts", "geometry", "image-place")
"""Kinds that speak besides votes. Land or sea is none: it is true of many places at once."""

_OWN_WORD = {
    "drafts": ("draft", "drafts_in_region"),
    "geometry": ("inliers",),
    "image-place": ("image_place",),
}
"""What a kind must have found at the place itself, so that its silence speaks for nothing."""


def held_back(candidates: Sequence[Candidate], scorer: Scorer) -> list[Candidate]:
    """Return the candidates, those marked that lead across a region by one kind of evidence alone.

    Args:
        candidates: Scored, with terms.
        scorer: That scored them.
    """
    standing = [c for c in candidates if c.vetoed is None and c.photos]
    if not standing:
        return list(candidates)
    leader = max(standing, key=lambda c: (_by_votes(c.terms, scorer), c.score))
    return [_judged(candidate, leader, scorer) for candidate in candidates]


def agreeing(candidate: Candidate, leader: Candidate, scorer: Scorer) -> list[Kind]:
    """Return the kinds of evidence that speak for a candidate against the leader by votes."""
    kinds: list[Kind] = [
        kind
        for kind in WITNESSES
        if _sum(candidate.terms, kind) > _sum(leader.terms, kind)
        and any(candidate.parts.get(name, 0.0) > 0 for name in _OWN_WORD[kind])
    ]
    votes = _by_votes(candidate.terms, scorer), _by_votes(leader.terms, scorer)
    if candidate.photos and votes[0] >= NOT_BEATEN * votes[1]:
        kinds.insert(0, "votes")
    return kinds


def _judged(candidate: Candidate, leader: Candidate, scorer: Scorer) -> Candidate:
    apart_km = distance_between_km(candidate, leader)
    if candidate.vetoed is not None or candidate.score <= leader.score or apart_km <= REGION_KM:
        return candidate.model_copy(update={"held_back": None})
    kinds = agreeing(candidate, leader, scorer)
    if len(kinds) >= KINDS_NEEDED:
        return candidate.model_copy(update={"held_back": None})
    alone = f"{kinds[0]} alone" if kinds else "no kind of evidence"
    reason = (
        f"{alone} would move the answer {apart_km:.0f} km from the place with most votes; across"
        f" regions {KINDS_NEEDED} kinds have to agree"
    )
    return candidate.model_copy(update={"held_back": reason})


def _by_votes(terms: Mapping[str, float], scorer: Scorer) -> float:
    return logistic(scorer.intercept + _sum(terms, "votes"))


def _sum(terms: Mapping[str, float], kind: Kind) -> float:
    return sum(term for name, term in terms.items() if KINDS.get(name) == kind)
