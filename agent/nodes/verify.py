"""verify: pool all candidates, score them without the model, and decide, reasons first."""

from __future__ import annotations

from geofix.agent.candidates import pool_candidates
from geofix.agent.consensus import CONSENSUS
from geofix.agent.context import Context
from geofix.agent.outcome import Outcome
from geofix.agent.regions import holds
from geofix.agent.scoring import carried, score
from geofix.agent.services import Services
from geofix.agent.state import Candidate, Draft, Region, State
from geofix.agent.verdicts import decide
from geofix.tools.density import DEFAULT_TEMPERATURE
from geofix.tools.places import places_at

NO_BASELINE = (
    "verify: whether the best likeness means anything is not known, because the gallery has too few"
    " photos of unlike places (or raw vectors were asked for); a photo of somewhere else would be"
    " placed all the same"
)


def verify(state: State, context: Context, services: Services) -> Outcome:
    """Let clusters of the retrieved photos confirm or overrule the draft."""
    retrieval = state.retrieval
    drafts = _counted(state)
    pooled = pool_candidates(
        retrieval.positives, drafts, retrieval.temperature or DEFAULT_TEMPERATURE
    )
    candidates = score(pooled, retrieval.positives, retrieval.negatives)
    if state.round > 0 and state.region is not None:
        candidates = carried(state.candidates, candidates, state.region)
    candidates = _named(candidates)
    verdict = decide(candidates, retrieval, context, rounds_left=_rounds_left(state, context))
    return Outcome(
        update={"candidates": candidates, "verdict": verdict},
        summary=f"{verdict.decision}: {verdict.reasons[0]}",
        detail={
            "verdict": verdict.model_dump(mode="json"),
            "candidates": [candidate.model_dump(mode="json") for candidate in candidates],
        },
        degraded=_degraded(state),
    )


def _degraded(state: State) -> tuple[str, ...]:
    """Say once where nothing tells a likeness that means something from one that does not."""
    unknown = state.retrieval.positives and state.retrieval.impostor_share is None
    if not unknown or NO_BASELINE in state.degraded:
        return ()
    return (NO_BASELINE,)


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


def _inside(draft: Draft, region: Region | None) -> bool:
    if region is None or draft.latitude is None or draft.longitude is None:
        return False
    return holds(region, draft.latitude, draft.longitude)


def _rounds_left(state: State, context: Context) -> int:
    return context.max_rounds - (state.round + 1)


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
