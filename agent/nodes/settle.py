"""settle: the verdict becomes an answer a person can use, or a stated abstention."""

from __future__ import annotations

from dataclasses import replace

from geofix.agent.answer import Calibration, Evidence, Place, format_coordinates
from geofix.agent.calibration.claims import with_claim_checked
from geofix.agent.calibration.promise import Fitted, Promise, apply, signals_of
from geofix.agent.context import Context
from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.draft.said import drafts_said
from geofix.agent.fix.present import present, usage_of
from geofix.agent.run.events import Finished
from geofix.agent.run.recording import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Candidate, Hit, Settled, State
from geofix.agent.verify.in_force import drift, run_setup_of
from geofix.agent.verify.known_photos import known_photos
from geofix.tools.geo.distance import haversine_km
from geofix.tools.geo.places import place_at

MOST_EVIDENCE = 5
"""Photos listed; the trail holds all of them."""


def settle(state: State, context: Context, services: Services) -> Outcome:
    """Write the answer: point, radius, place, candidates, evidence, and what was degraded."""
    assert state.verdict is not None
    located = state.verdict.decision == "accept"
    first = state.candidates[0] if located else None
    evidence = _evidence(state, first) if first else []
    promise = _promise(state, first, context, services) if first else None
    settled = Settled(
        status="located" if located else "abstained",
        latitude=first.latitude if first else None,
        longitude=first.longitude if first else None,
        radius_km=promise.radius_km if promise else None,
        radius_calibrated=promise.kept if promise else False,
        radii_km=promise.radii_km if promise else {},
        confidence=promise.confidence if promise else {},
        calibration=promise.calibration if promise else None,
        place=_place(first) if first else None,
        drafted_by=_drafted_by(state),
        candidates=state.candidates,
        reasons=state.verdict.reasons,
        evidence=evidence,
        said=drafts_said(state.drafts),
        degraded=state.degraded,
        rounds=state.round + 1,
        run=state.asked.run,
        photo=state.asked.photo,
        usage=usage_of(services.trail.read(state.asked.run).steps),
        known_photos=known_photos(state.sha256, state.retrievals, context, services),
    )
    if state.asked.claimed is not None:
        known = services.known_calibrations
        settled = with_claim_checked(settled, state.asked.claimed, known, context.claim_level)
    where = "abstained" if first is None else format_coordinates(first.latitude, first.longitude)
    fix = present(settled, state.asked)
    return Outcome(
        update={"fix": fix},
        summary=where if settled.place is None else f"{where}: {settled.place.label}",
        detail=settled.model_dump(mode="json", exclude={"candidates"}),
        settled=settled,
        told=(Finished(fix=fix),),
    )


def _promise(state: State, first: Candidate, context: Context, services: Services) -> Promise:
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
        reach_km=first.radius_km,
        coverage=context.coverage,
    )
    return replace(promise, radius_km=round(promise.radius_km, 3))


def _drafted_by(state: State) -> str:
    """Return the model whose draft counts; where it failed every time, the photos voted."""
    models = [draft.drafted_by for draft in state.drafts if draft.drafted_by != CONSENSUS]
    return models[-1] if models else CONSENSUS


def _place(first: Candidate) -> Place | None:
    place = place_at(first.latitude, first.longitude)
    if place is None:
        return None
    return Place(
        name=place.name,
        admin=place.admin,
        country=place.country,
        country_code=place.country_code,
        label=place.describe(),
    )


def _evidence(state: State, first: Candidate) -> list[Evidence]:
    """Return the most similar photos within the answer's reach, of all searches that count."""
    hits: dict[int, tuple[float, Hit]] = {}
    for retrieval in state.searches:
        for hit in retrieval.positives:
            distance = float(
                haversine_km(first.latitude, first.longitude, hit.latitude, hit.longitude)
            )
            if distance <= first.radius_km:
                hits[hit.photo_id] = distance, hit
    best = sorted(hits.values(), key=lambda pair: -pair[1].similarity)[:MOST_EVIDENCE]
    shared = Evidence.model_fields.keys() & Hit.model_fields.keys()
    return [
        Evidence(distance_km=round(distance, 3), **hit.model_dump(include=set(shared)))
        for distance, hit in best
    ]
