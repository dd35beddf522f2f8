"""What may not be the answer, and what may not move it across regions.

One model may be fooled by a sign in the photo, one picture may be of a chain store's other branch.
Votes, drafts, geometry and an image-place model fail for different reasons: two of them together
are believed against the place that votes alone would choose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from geofix.agent.answer import Code, Reason
from geofix.agent.state import Candidate, Hit
from geofix.agent.verify.evidence import FEATURES, KIND_OF, Kind
from geofix.agent.verify.observed import near
from geofix.agent.verify.rounds import distances_between_km
from geofix.agent.verify.scorer import Scorer, logistic
from geofix.tools.geo.countries import is_land
from geofix.tools.statistics import REGION_KM

KINDS_NEEDED = 2

NOT_BEATEN = 0.5
"""Votes agree with a place whose probability by votes alone is at least this share of the
leader's; they are then no evidence against it."""

WITNESSES: tuple[Kind, ...] = ("drafts", "geometry", "image-place")
"""Kinds that speak besides votes. Land or sea is none: it is true of many places at once."""

_OWN_WORD = {
    kind: tuple(row.name for row in FEATURES if row.witness and row.kind == kind)
    for kind in WITNESSES
}
"""What a kind must have found at the place itself, so that its silence speaks for nothing."""


def held_back(candidates: Sequence[Candidate], scorer: Scorer) -> list[Candidate]:
    """Mark the candidates that lead in another region by only one kind of evidence; return all.

    Args:
        candidates: Scored, with terms.
        scorer: That scored them.
    """
    said = [_Said.of(candidate, scorer) for candidate in candidates]
    standing = [one for one in said if one.candidate.vetoed is None and one.candidate.photos]
    if not standing:
        return list(candidates)
    leader = max(standing, key=lambda one: (one.by_votes, one.candidate.score))
    apart = distances_between_km([leader.candidate], candidates)[0].tolist()
    return [_judged(one, leader, apart_km) for one, apart_km in zip(said, apart, strict=True)]


@dataclass(frozen=True, slots=True)
class _Said:
    """A candidate, and what each kind of evidence says of it."""

    candidate: Candidate
    kinds: Mapping[Kind, float]
    """Sum of the terms of each."""
    by_votes: float
    """Its probability by votes alone."""

    @classmethod
    def of(cls, candidate: Candidate, scorer: Scorer) -> _Said:
        kinds: dict[Kind, float] = defaultdict(float)
        for name, term in candidate.terms.items():
            if name in KIND_OF:
                kinds[KIND_OF[name]] += term
        return cls(candidate, kinds, logistic(scorer.intercept + kinds["votes"]))


def _agreeing(said: _Said, leader: _Said) -> list[Kind]:
    """Return the kinds of evidence that favor a candidate over the leader by votes."""
    parts = said.candidate.parts
    kinds: list[Kind] = [
        kind
        for kind in WITNESSES
        if said.kinds.get(kind, 0.0) > leader.kinds.get(kind, 0.0)
        and any(parts.get(name, 0.0) > 0 for name in _OWN_WORD[kind])
    ]
    if said.candidate.photos and said.by_votes >= NOT_BEATEN * leader.by_votes:
        kinds.insert(0, "votes")
    return kinds


def _judged(said: _Said, leader: _Said, apart_km: float) -> Candidate:
    candidate, reason = said.candidate, None
    crosses = apart_km > REGION_KM and candidate.score > leader.candidate.score
    if candidate.vetoed is None and crosses:
        reason = _too_few(_agreeing(said, leader), apart_km)
    if reason == candidate.held_back:
        return candidate
    return candidate.model_copy(update={"held_back": reason})


def _too_few(kinds: Sequence[Kind], apart_km: float) -> Reason | None:
    if len(kinds) >= KINDS_NEEDED:
        return None
    where = f"{apart_km:.0f} km from the place with most votes"
    found = (
        f"only {kinds[0]} would move the answer {where}"
        if kinds
        else f"it is {where}, and no kind of evidence favors it"
    )
    return Reason.of(
        Code.ONE_KIND_OF_EVIDENCE,
        f"{found}; a move to another region needs {KINDS_NEEDED} kinds of evidence that agree",
    )


def veto(candidate: Candidate, positives: Sequence[Hit]) -> Reason | None:
    """Return why a candidate may not be the answer; none where it may.

    Args:
        candidate: As pooled.
        positives: The round's.
    """
    if candidate.photos:
        return None
    if not is_land(candidate.latitude, candidate.longitude):
        return Reason.of(Code.IN_SEA, "the drafted point is in the sea, and no photo supports it")
    if not near(candidate, positives, REGION_KM):
        return Reason.of(
            Code.NO_PHOTO_NEAR, f"no retrieved photo within {REGION_KM:g} km supports the draft"
        )
    return None
