"""verify: pool all candidates, score them without the model, and decide, reasons first."""

from __future__ import annotations

from geofix.agent.candidates import pool_candidates
from geofix.agent.consensus import CONSENSUS
from geofix.agent.context import Context
from geofix.agent.limits import budget_of
from geofix.agent.outcome import Outcome
from geofix.agent.regions import allows, holds
from geofix.agent.scoring import carried, ranked, region_share, score
from geofix.agent.services import Services
from geofix.agent.state import Candidate, Draft, Region, State
from geofix.agent.verdicts import decide
from geofix.tools.density import DEFAULT_TEMPERATURE
from geofix.tools.places import places_at

NO_BASELINE = (
    "verify: whether the best likeness means anything is not known, because raw vectors were asked"
    " for or the gallery has too few photos of unlike places"
)
"""Said of a run without a null distribution."""


def verify(state: State, context: Context, services: Services) -> Outcome:
    """Let clusters of the retrieved photos confirm or overrule the draft."""
    retrieval = state.retrieval
    candidates = _candidates(state)
    before = _leader(state.candidates)
    blunt = (
        before is not None
        and state.round > 0
        and ((after := _leader(candidates)) is None or after.scale_km >= before.scale_km)
    )
    if blunt:
        candidates, retrieval = state.candidates, state.retrievals[-2]
    rounds_left = 0 if blunt else context.max_rounds - (state.round + 1)
    verdict = decide(candidates, retrieval, context, rounds_left=rounds_left)
    spent = _spent(state, context) if verdict.decision == "refine" else None
    if spent is not None:
        verdict = decide(candidates, retrieval, context, rounds_left=0)
    if blunt:
        reasons = [*verdict.reasons, f"a closer look within {_searched(state)} told no more"]
        verdict = verdict.model_copy(update={"reasons": reasons})
    copies = _copies(state)
    if copies:
        verdict = verdict.model_copy(update={"reasons": [*verdict.reasons, copies]})
    return Outcome(
        update={"candidates": candidates, "verdict": verdict},
        summary=f"{verdict.decision}: {verdict.reasons[0]}",
        detail={
            "verdict": verdict.model_dump(mode="json"),
            "candidates": [candidate.model_dump(mode="json") for candidate in candidates],
            "region_share": region_share(state.retrievals),
            "kept_the_round_before": blunt,
        },
        degraded=_degraded(state, spent),
    )


def _spent(state: State, context: Context) -> str | None:
    """Return why no further round may be asked for; none while one may."""
    budget = budget_of(context, state.began_epoch_s, state.spent)
    return None if budget is None else budget.exhausted()


def _candidates(state: State) -> list[Candidate]:
    """Return the round's candidates, scored, named and in order."""
    retrieval = state.retrieval
    drafts = _counted(state)
    allowed = [draft for draft in drafts if _allowed(draft, state.within)]
    pooled = pool_candidates(
        retrieval.positives,
        allowed,
        retrieval.temperature or DEFAULT_TEMPERATURE,
        region_share=region_share(state.retrievals),
    )
    # Only a photo that looks otherwise speaks against the place where it was taken.
    against = retrieval.negatives if retrieval.negatives_by == "dissimilar" else []
    scored = score(pooled, retrieval.positives, against)
    outside = pool_candidates(
        [], [draft for draft in drafts if draft not in allowed], DEFAULT_TEMPERATURE
    )
    if outside and state.within is not None:
        veto = f"the draft lies outside {state.within.name}, where the answer has to be"
        vetoed = [candidate.model_copy(update={"vetoed": veto}) for candidate in outside]
        scored = ranked([*scored, *vetoed])
    if state.round > 0 and state.region is not None:
        scored = carried(state.candidates, scored, state.region)
    return _named(scored)


def _leader(candidates: list[Candidate]) -> Candidate | None:
    return next((candidate for candidate in candidates if candidate.vetoed is None), None)


def _searched(state: State) -> str:
    return "the gallery" if state.region is None else state.region.name


def _allowed(draft: Draft, within: Region | None) -> bool:
    if draft.latitude is None or draft.longitude is None:
        return True
    return allows(within, draft.latitude, draft.longitude)


def _degraded(state: State, spent: str | None) -> tuple[str, ...]:
    """Say what was left out, and once where nothing tells a likeness that means something."""
    left_out = () if spent is None else (f"verify: no closer look was taken: {spent}",)
    unknown = state.retrieval.positives and state.retrieval.impostor_share is None
    if not unknown or NO_BASELINE in state.degraded:
        return left_out
    return (*left_out, NO_BASELINE)


def _counted(state: State) -> list[Draft]:
    """Return the drafts that speak in this round: its own, and earlier ones inside its region.

    The consensus is made of the same photos as the clusters; counting it would count them twice.
    Earlier drafts outside the region are among the candidates that are carried on.
    """
    return [
        draft
        for draft in state.drafts
        if draft.drafted_by != CONSENSUS
        and (draft.round == state.round or _inside(draft, state.region))
    ]


def _copies(state: State) -> str | None:
    """Say where drafts only repeat coordinates that they were shown."""
    placed = [draft for draft in _counted(state) if draft.latitude is not None]
    copies = [draft.copied_from for draft in placed if draft.copied_from is not None]
    if not copies:
        return None
    return (
        f"{len(copies)} of {len(placed)} drafts repeat coordinates they were shown"
        f" ({', '.join(dict.fromkeys(copies))}) and count for nothing"
    )


def _inside(draft: Draft, region: Region | None) -> bool:
    if region is None or draft.latitude is None or draft.longitude is None:
        return False
    return holds(region, draft.latitude, draft.longitude)


def _named(candidates: list[Candidate]) -> list[Candidate]:
    places = places_at(
        [candidate.latitude for candidate in candidates],
        [candidate.longitude for candidate in candidates],
    )
    return [
        candidate.model_copy(
            update={
                "place": None if place is None else place.describe(),
                "country_code": None if place is None else place.country_code,
            }
        )
        for candidate, place in zip(candidates, places, strict=True)
    ]
