"""settle: the verdict becomes an answer a person can use, or a stated abstention."""

from __future__ import annotations

from dataclasses import replace

from geofix.agent.answer import Calibration, Code, Place, Reason, format_coordinates
from geofix.agent.calibration.claims import with_claim_checked
from geofix.agent.calibration.promise import Fitted, Promise, apply, signals_of
from geofix.agent.context import Context
from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.draft.said import drafts_said
from geofix.agent.fix.evidence import evidence_within, own_reach_km
from geofix.agent.fix.naming import place_of_all
from geofix.agent.fix.present import present, usage_of
from geofix.agent.run.events import Finished
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Candidate, Settled, State
from geofix.agent.verify.in_force import drift, run_setup_of
from geofix.agent.verify.known_photos import known_photos
from geofix.agent.verify.verdict import guess_of, rivals_of
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM
from geofix.tools.statistics import SCALES


def settle(state: State, context: Context, services: Services) -> Outcome:
    """Write the answer: point, radius, place, candidates, evidence, and what was degraded."""
    assert state.verdict is not None
    located = state.verdict.decision == "accept"
    first = state.candidates[0] if located else None
    guess = guess_of(state.verdict)
    reach_km = _reach_km(first, state, context, guess is not None) if first else 0.0
    against = state.candidates[1:] if state.verdict.by_person or guess is not None else []
    evidence = evidence_within(first, reach_km, state.searches, against) if first else []
    promise = _promise(state, first, reach_km, context, services) if first else None
    guessed = [] if guess is None else [Reason.of(Code.BEST_GUESS, f"a guess: {guess.text}")]
    settled = Settled(
        status="located" if located else "abstained",
        latitude=first.latitude if first else None,
        longitude=first.longitude if first else None,
        radius_km=promise.radius_km if promise else None,
        radius_calibrated=promise.kept if promise else False,
        radii_km=promise.radii_km if promise else {},
        confidence=promise.confidence if promise else {},
        calibration=promise.calibration if promise else None,
        place=_place(first, promise, state, context, guess is not None)
        if first and promise
        else None,
        drafted_by=_drafted_by(state),
        candidates=state.candidates,
        reasons=state.verdict.reasons,
        evidence=evidence,
        said=drafts_said(state.drafts),
        degraded=[*guessed, *state.degraded],
        rounds=state.round + 1,
        run=state.asked.run,
        photo=state.asked.photo,
        usage=usage_of(services.trail.read(state.asked.run).steps),
        known_photos=known_photos(state.sha256, state.retrievals, context, services),
    )
    if state.asked.claimed is not None:
        known = services.known_calibrations
        settled = with_claim_checked(settled, state.asked.claimed, known, context.claim_level)
    where = "abstained"
    if first is not None and promise is not None:
        # A published method's digits are its own; the radius is ours.
        reach_km = promise.radius_km if context.answer_by == "verdict" else 0.0
        where = format_coordinates(first.latitude, first.longitude, radius_km=reach_km)
    fix = present(settled, state.asked)
    return Outcome(
        update={"fix": fix},
        summary=where if settled.place is None else f"{where}: {settled.place.label}",
        detail=settled.model_dump(mode="json", exclude={"candidates"}),
        settled=settled,
        told=(Finished(fix=fix),),
    )


def _promise(
    state: State, first: Candidate, reach_km: float, context: Context, services: Services
) -> Promise:
    """Return radius and confidence by the calibration that chose, if it still holds."""
    known = state.calibration
    if known is None:
        known = Calibration(
            fitted=False, reason="the run was started with another version of geofix"
        )
    found = None if known.id is None else services.known_calibrations.by_id(known.id)
    fitted = found if isinstance(found, Fitted) else None
    if known.reason is None:
        setup = run_setup_of(state, context, services.settings.image_place)
        # Since it chose, a person may have chosen otherwise, and a fork may have other options.
        reason = found if fitted is None else drift(fitted, setup)
        known = known.model_copy(update={"reason": reason})
    promise = apply(
        known,
        fitted,
        signals_of(first, state.candidates, state.searches[0], rounds=state.round + 1),
        reach_km=reach_km,
        coverage=context.coverage,
    )
    return replace(promise, radius_km=round(promise.radius_km, 3))


def _drafted_by(state: State) -> str:
    """Return the model whose draft counts; where it failed every time, the photos voted."""
    models = [draft.drafted_by for draft in state.drafts if draft.drafted_by != CONSENSUS]
    return models[-1] if models else CONSENSUS


def _place(
    first: Candidate, promise: Promise, state: State, context: Context, guess: bool
) -> Place | None:
    """Return the name of the answer's place; that of a guess holds for all that it may be."""
    rivals = rivals_of(state.candidates, context) if guess else []
    return place_of_all(
        [(one.latitude, one.longitude) for one in [first, *rivals]], promise.radius_km
    )


def _reach_km(first: Candidate, state: State, context: Context, guess: bool) -> float:
    """Return how far the evidence reaches.

    A guess reaches the places that it is not ahead of, and their photos. Where the votes agree on
    nothing, and a person chose or points of a picture match, it is the reach of the place's own
    photos: what was found elsewhere speaks for other places.
    """
    assert state.verdict is not None
    if guess:
        rivals_km = [
            one.distance_km + own_reach_km(one, state.searches)
            for one in rivals_of(state.candidates, context)
        ]
        return min(HALF_CIRCUMFERENCE_KM, max([first.radius_km, *rivals_km]))
    alone = state.verdict.by_person or first.scale_km > SCALES["continent"]
    return own_reach_km(first, state.searches) if alone else first.radius_km
