"""The choice: candidates pooled, their evidence weighed, the law of regions kept, spots found."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.candidates import pool_candidates
from geofix.agent.choice.claimed_place import with_claimed
from geofix.agent.choice.features import features_of
from geofix.agent.choice.image_place import compared_with
from geofix.agent.choice.law_of_regions import held_back
from geofix.agent.choice.observed import Observed
from geofix.agent.choice.ranking import carried, ranked
from geofix.agent.choice.region_votes import searched
from geofix.agent.choice.scorer import Scorer
from geofix.agent.choice.scorers import Scorers
from geofix.agent.choice.spots import at_best_spot
from geofix.agent.choice.vetoes import veto
from geofix.agent.regions import allows
from geofix.agent.state import Candidate, Draft, Region
from geofix.tools.density import DEFAULT_TEMPERATURE

LEADING = 3
"""So many places are looked into for the spot."""


def choose(
    observed: Observed,
    *,
    region: Region | None,
    within: Region | None,
    region_share: float,
    scorers: Scorers,
) -> list[Candidate]:
    """Return the candidates of a round, best first; vetoed ones last.

    Args:
        observed: What the round knows.
        region: Where a finer round looked; none where it looked everywhere. What the round before
            had elsewhere stays a candidate.
        within: Where the answer has to be, as the question says.
        region_share: Share of all votes that the round's region had, see `region_votes`.
        scorers: Weigh the evidence.
    """
    allowed = [draft for draft in observed.drafts if _allowed(draft, within)]
    pooled = pool_candidates(
        observed.retrieval.positives,
        allowed,
        observed.retrieval.temperature or DEFAULT_TEMPERATURE,
        region_share=region_share,
    )
    pooled = [
        candidate.model_copy(update={"vetoed": veto(candidate, observed.retrieval.positives)})
        for candidate in with_claimed(pooled, observed.claimed)
    ]
    everything = [*pooled, *_outside(observed.drafts, within)]
    scored = _scored(everything, compared_with(everything, observed), scorers.place)
    if region is not None:
        scored = carried(observed.before, scored, searched(observed.retrieval) or [region])
    ordered = ranked(held_back(scored, scorers.place))
    leading = [
        at_best_spot(candidate, observed, scorers.of_spots) for candidate in ordered[:LEADING]
    ]
    return ranked([*leading, *ordered[LEADING:]])


def _scored(candidates: Sequence[Candidate], observed: Observed, scorer: Scorer) -> list[Candidate]:
    return [
        candidate.model_copy(
            update={
                "parts": parts,
                "terms": scorer.terms(parts),
                "score": scorer.probability(parts),
            }
        )
        for candidate, parts in zip(candidates, features_of(candidates, observed), strict=True)
    ]


def _outside(drafts: Sequence[Draft], within: Region | None) -> list[Candidate]:
    """Return the places drafted where the answer may not be."""
    if within is None:
        return []
    elsewhere = [draft for draft in drafts if not _allowed(draft, within)]
    reason = f"the draft lies outside {within.name}, where the answer has to be"
    return [
        candidate.model_copy(update={"vetoed": reason})
        for candidate in pool_candidates([], elsewhere, DEFAULT_TEMPERATURE)
    ]


def _allowed(draft: Draft, within: Region | None) -> bool:
    if draft.latitude is None or draft.longitude is None:
        return True
    return allows(within, draft.latitude, draft.longitude)
