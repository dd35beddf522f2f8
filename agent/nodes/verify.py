"""verify: pool all candidates, score them without the model, and decide, with the reasons."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context, budget_of
from geofix.agent.methods.answering import chosen_by_method
from geofix.agent.run.events import MOST_PLACES, ToldPlace, Verified
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Candidate, State, Verdict
from geofix.agent.verify.choose import choose
from geofix.agent.verify.in_force import InForce, in_force, run_setup_of
from geofix.agent.verify.observe import counted_drafts, observe
from geofix.agent.verify.rounds import region_share
from geofix.agent.verify.scorers import Scorers
from geofix.agent.verify.verdict import decide
from geofix.tools.geo.places import places_at

NO_BASELINE = Reason.of(
    Code.RARITY_UNKNOWN,
    "verify: how rare the best match is cannot be told, because raw vectors were asked for or the"
    " gallery has too few photos of different places",
)
"""What a run without a null distribution says."""


def verify(state: State, context: Context, services: Services) -> Outcome:
    """Choose among the places of retrieved photos and drafts, and decide what to do next."""
    if context.answer_by != "verdict":
        return _by_method(state, context, services)
    retrieval = state.retrieval
    observed, not_had = observe(state, context, services)
    goes_by = in_force(services, run_setup_of(state, context, services.settings.image_place))
    if state.calibration is not None and state.calibration != goes_by.calibration:
        # A later round goes by other scorers: the model failed in it. One scale for all.
        before = [goes_by.scorers.place.weighed(candidate) for candidate in observed.before]
        observed = replace(observed, before=before)
    share = region_share(state.searches)
    candidates = _named(
        choose(
            observed,
            region=state.region if state.narrowed else None,
            within=state.bounds,
            region_share=share,
            scorers=goes_by.scorers,
        )
    )
    led = _leader(state.candidates)
    blunt = (
        led is not None
        and state.narrowed
        # A round that only drafts again has not looked closer.
        and retrieval.round == state.round
        and ((leads := _leader(candidates)) is None or leads.scale_km >= led.scale_km)
    )
    if blunt:
        candidates, retrieval = state.candidates, state.retrievals[-2]
    look = partial(
        decide,
        candidates,
        retrieval,
        context,
        looked_within=state.looked_within,
        scene=state.scene,
    )
    verdict = look(rounds_left=0 if blunt else context.max_rounds - _own_rounds(state))
    spent = _spent(state, context) if verdict.decision == "refine" else None
    if spent is not None:
        verdict = look(rounds_left=0)
    if blunt:
        closer = f"a closer search within {_searched(state)} did not narrow the place down"
        reasons = [*verdict.reasons, Reason.of(Code.CLOSER_SEARCH_FAILED, closer)]
        verdict = verdict.model_copy(update={"reasons": reasons})
    more = [reason for reason in (_agreeing(state), *_steered(state)) if reason is not None]
    verdict = verdict.model_copy(update={"reasons": [*verdict.reasons, *more]})
    return Outcome(
        update={
            "candidates": candidates,
            # Where the round before is kept, so is what it was chosen by.
            "calibration": state.calibration if blunt else goes_by.calibration,
            "verdict": verdict,
        },
        summary=f"{verdict.decision}: {verdict.reasons[0]}",
        detail={
            "verdict": verdict.model_dump(mode="json"),
            "candidates": [candidate.model_dump(mode="json") for candidate in candidates],
            "region_share": share,
            "scorers": _which(goes_by.scorers),
            "calibration": goes_by.calibration.model_dump(mode="json"),
            "pictures_compared": len(observed.matches),
            "image_place": services.image_place and services.image_place.name,
            "kept_the_round_before": blunt,
        },
        degraded=(
            *(Reason.of(Code.PICTURES_NOT_COMPARED, line) for line in not_had),
            *([] if blunt else _passed_over(state, goes_by)),
            *_degraded(state, spent),
        ),
        told=(_told(state.round, verdict, candidates),),
    )


def _by_method(state: State, context: Context, services: Services) -> Outcome:
    """Answer as a published method does, see `agent/methods/answering.py`."""
    goes_by = in_force(services, run_setup_of(state, context, services.settings.image_place))
    chosen = chosen_by_method(state, context, services)
    candidates, verdict = _named(chosen.candidates), chosen.verdict
    return Outcome(
        update={
            "candidates": candidates,
            "calibration": goes_by.calibration,
            "verdict": verdict,
        },
        summary=f"{verdict.decision}: {verdict.reasons[0]}",
        detail={
            "method": context.told(),
            "verdict": verdict.model_dump(mode="json"),
            "candidates": [candidate.model_dump(mode="json") for candidate in candidates],
            "calibration": goes_by.calibration.model_dump(mode="json"),
            "image_place": services.image_place and services.image_place.name,
        },
        degraded=tuple(reason for reason in chosen.degraded if reason not in state.degraded),
        told=(_told(state.round, verdict, candidates),),
    )


def _told(round_: int, verdict: Verdict, candidates: list[Candidate]) -> Verified:
    return Verified(
        round=round_,
        decision=verdict.decision,
        places=[
            ToldPlace(
                latitude=one.latitude,
                longitude=one.longitude,
                label=one.place,
                score=round(one.score, 3),
            )
            for one in candidates[:MOST_PLACES]
        ],
        reasons=verdict.reasons,
    )


def _own_rounds(state: State) -> int:
    """Return the number of rounds so far that geofix began by itself."""
    return state.round + 1 - state.steered


def _steered(state: State) -> list[Reason]:
    """Say what somebody gave during the run."""
    hinted = dict.fromkeys(hint.by for hint in state.hints)
    said = [Reason.of(Code.HINT_GIVEN, f"{who} gave the model a hint") for who in hinted]
    if state.given is None:
        return said
    region = state.given.region
    where = "asked to search everywhere" if region is None else f"gave the region {region.name}"
    given = f"{state.given.by} {where}; only what was found there counts"
    return [Reason.of(Code.REGION_GIVEN, given), *said]


def _spent(state: State, context: Context) -> str | None:
    """Return why no further round may be asked for; none while one may."""
    budget = budget_of(context, state.began_epoch_s, state.spent)
    return None if budget is None else budget.exhausted()


def _passed_over(state: State, goes_by: InForce) -> list[Reason]:
    """Say once why a calibration's own scorers did not choose."""
    if goes_by.passed_over is None:
        return []
    reason = Reason.of(
        Code.SCORERS_PASSED_OVER,
        "verify: the shipped scorers chose, because the calibration does not hold here:"
        f" {goes_by.passed_over}",
    )
    return [] if reason in state.degraded else [reason]


def _which(scorers: Scorers) -> dict[str, dict[str, object]]:
    """Return which scorers chose, for the trail."""
    used = {"place": scorers.place, "spot": scorers.of_spots}
    return {
        kind: scorer.model_dump(include={"name", "digest", "trained_on", "photos", "intercept"})
        for kind, scorer in used.items()
    }


def _leader(candidates: list[Candidate]) -> Candidate | None:
    return next((candidate for candidate in candidates if candidate.vetoed is None), None)


def _searched(state: State) -> str:
    looked = [one.name for one in (state.region, state.rival) if one is not None]
    return " and ".join(looked) if looked else "the gallery"


def _degraded(state: State, spent: str | None) -> tuple[Reason, ...]:
    """Say what was left out, and once that the rarity of the best match is not known."""
    left_out = (
        ()
        if spent is None
        else (Reason.of(Code.BUDGET_SPENT, f"verify: no closer look was taken: {spent}"),)
    )
    unknown = state.retrieval.positives and state.retrieval.impostor_share is None
    if not unknown or NO_BASELINE in state.degraded:
        return left_out
    return (*left_out, NO_BASELINE)


def _agreeing(state: State) -> Reason | None:
    """Say where drafts agree with places that they were shown."""
    placed = [draft for draft in counted_drafts(state) if draft.latitude is not None]
    agreed = [draft.agrees_with for draft in placed if draft.agrees_with is not None]
    if not agreed:
        return None
    times = Counter(agreed).most_common()
    named = ", ".join(what if count == 1 else f"{what} {count} times" for what, count in times)
    return Reason.of(
        Code.DRAFTS_AGREE,
        f"{len(agreed)} of {len(placed)} drafts agree with what the model was shown ({named}); this"
        " is weak evidence, which alone never moves the answer to another region",
    )


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
