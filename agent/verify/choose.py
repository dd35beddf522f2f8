"""The choice: candidates pooled, their evidence weighed, the law of regions kept, spots found.

A claimed place is a question about the answer and no evidence for one. It is looked at after all
else has been chosen, so it changes no other candidate's features, score, order or coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from geofix.agent.answer import Code, Reason
from geofix.agent.regions import allows
from geofix.agent.state import Candidate, Draft, Region
from geofix.agent.verify.candidates import NOWHERE_KM, PooledPlace, pool_candidates
from geofix.agent.verify.evidence import FEATURES, Feature, features_of
from geofix.agent.verify.observed import Observed
from geofix.agent.verify.rounds import carried, distances_between_km, in_order, ranked, searched
from geofix.agent.verify.rules import held_back, veto
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.scorers import Scorers
from geofix.agent.verify.spots import at_best_spot
from geofix.tools.statistics import PLACE_KM
from geofix.tools.statistics.clusters import DEFAULT_TEMPERATURE

CLAIM: Literal["claim"] = "claim"
"""Origin of a candidate that somebody claims."""

LEADING = 3
"""How many leading places are searched for their best spot."""


def choose(
    observed: Observed,
    *,
    region: Region | None,
    within: Sequence[Region],
    region_share: float,
    scorers: Scorers,
    features: Sequence[Feature] = FEATURES,
) -> list[Candidate]:
    """Return the candidates of a round, best first; vetoed ones last, then a claimed place.

    Args:
        observed: What the round knows.
        region: Where a finer round looked; none in a search of the whole. What the round before
            had elsewhere stays a candidate.
        within: Where the answer has to be: in all of these regions.
        region_share: Share of all votes that the round's region had, see `rounds.region_share`.
        scorers: Weigh the evidence.
        features: The evidence that is computed.
    """
    before = [candidate for candidate in observed.before if candidate.origin != CLAIM]
    observed = replace(observed, before=before)
    allowed = [draft for draft in observed.drafts if _allowed(draft, within)]
    pooled = pool_candidates(
        observed.retrieval.positives,
        allowed,
        observed.retrieval.temperature or DEFAULT_TEMPERATURE,
        region_share=region_share,
    )
    positives = observed.retrieval.positives
    places = [
        *(_vetoed(place, veto(place.candidate, positives)) for place in pooled),
        *_outside(observed.drafts, within),
    ]
    observed = observed.compared_with([place.candidate for place in places])
    scored = _scored(places, observed, scorers.place, features)
    if region is not None:
        scored = carried(before, scored, searched(observed.retrieval) or [region])
    ordered = in_order(held_back(scored, scorers.place))
    leading = [
        at_best_spot(candidate, observed, scorers.of_spots) for candidate in ordered[:LEADING]
    ]
    ordered = ranked([*leading, *ordered[LEADING:]])
    return _with_claimed(ordered, observed, scorers.place, features)


def _with_claimed(
    ordered: Sequence[Candidate],
    observed: Observed,
    scorer: Scorer,
    features: Sequence[Feature],
) -> list[Candidate]:
    """Return the candidates, and last the claimed place where none lies within 25 km of it."""
    if observed.claimed is None:
        return list(ordered)
    latitude, longitude = observed.claimed
    claimed = Candidate(
        rank=len(ordered) + 1,
        latitude=latitude,
        longitude=longitude,
        radius_km=NOWHERE_KM,
        score=0.0,
        parts={},
        photos=0,
        best_similarity=None,
        origin=CLAIM,
        scale_km=NOWHERE_KM,
        vetoed=Reason.of(Code.CLAIM_ONLY, "only the claim itself supports the claimed place"),
    )
    apart_km = distances_between_km([claimed], ordered)[0].tolist()
    if min(apart_km, default=NOWHERE_KM) <= PLACE_KM:
        return list(ordered)
    claimed = claimed.model_copy(update={"distance_km": apart_km[0] if apart_km else 0.0})
    observed = observed.compared_with([claimed])
    return [*ordered, *_scored([PooledPlace(claimed)], observed, scorer, features)]


def _vetoed(place: PooledPlace, reason: Reason | None) -> PooledPlace:
    if reason is None:
        return place
    return replace(place, candidate=place.candidate.model_copy(update={"vetoed": reason}))


def _scored(
    pooled: Sequence[PooledPlace], observed: Observed, scorer: Scorer, features: Sequence[Feature]
) -> list[Candidate]:
    """Compute the evidence for all places, and weigh it."""
    evidence = features_of(pooled, observed, features)
    return [
        scorer.weighed(place.candidate.model_copy(update={"parts": parts}))
        for place, parts in zip(pooled, evidence, strict=True)
    ]


def _outside(drafts: Sequence[Draft], within: Sequence[Region]) -> list[PooledPlace]:
    """Return the drafted places outside the regions that the answer must be in."""
    places = []
    for number, region in enumerate(within):
        elsewhere = [
            draft
            for draft in drafts
            if _allowed(draft, within[:number]) and not _allowed(draft, [region])
        ]
        reason = Reason.of(
            Code.OUTSIDE_REGION, f"the draft is outside {region.name}, where the answer must be"
        )
        pooled = pool_candidates([], elsewhere, DEFAULT_TEMPERATURE)
        places += [_vetoed(place, reason) for place in pooled]
    return places


def _allowed(draft: Draft, within: Sequence[Region]) -> bool:
    if draft.latitude is None or draft.longitude is None:
        return True
    return all(allows(region, draft.latitude, draft.longitude) for region in within)
