"""settle: the verdict becomes an answer a person can use, or a stated abstention."""

from __future__ import annotations

from typing import Any

from geofix.agent.answer import Evidence, Place
from geofix.agent.consensus import CONSENSUS
from geofix.agent.context import Context
from geofix.agent.outcome import Outcome
from geofix.agent.services import Services
from geofix.agent.state import Candidate, Fix, Hit, State
from geofix.tools.geo import haversine_km
from geofix.tools.geojson import circle_geometry
from geofix.tools.places import place_at

MOST_EVIDENCE = 5
"""Photos listed; the trail holds all of them."""


def settle(state: State, context: Context, services: Services) -> Outcome:
    """Write the answer: point, radius, place, candidates, evidence, and what was degraded."""
    assert state.verdict is not None
    located = state.verdict.decision == "accept"
    first = state.candidates[0] if located else None
    evidence = _evidence(state, first) if first else []
    fix = Fix(
        status="located" if located else "abstained",
        latitude=first.latitude if first else None,
        longitude=first.longitude if first else None,
        radius_km=round(first.radius_km, 3) if first else None,
        place=_place(first) if first else None,
        drafted_by=_drafted_by(state),
        candidates=state.candidates,
        reasons=state.verdict.reasons,
        evidence=evidence,
        degraded=state.degraded,
        geojson=_geojson(state.candidates, first, evidence),
        rounds=state.round + 1,
    )
    where = "abstained" if first is None else f"{first.latitude:.4f}, {first.longitude:.4f}"
    return Outcome(
        update={name: getattr(fix, name) for name in Fix.model_fields},
        summary=where if fix.place is None else f"{where}: {fix.place.label}",
        detail=fix.model_dump(mode="json", exclude={"candidates", "geojson"}),
    )


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
    """Return the most similar photos within the answer's reach, from every round, once each."""
    hits: dict[int, tuple[float, Hit]] = {}
    for retrieval in state.retrievals:
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


def _geojson(
    candidates: list[Candidate], first: Candidate | None, evidence: list[Evidence]
) -> dict[str, Any]:
    """Return RFC 7946 GeoJSON: the radius, the point, the candidates, and the evidence."""
    features = []
    if first is not None:
        area = circle_geometry(first.latitude, first.longitude, first.radius_km)
        features.append(
            _feature(area, role="radius", radius_km=first.radius_km, radius_calibrated=False)
        )
    features += [
        _point(
            candidate.latitude,
            candidate.longitude,
            role="fix" if candidate is first else "candidate",
            rank=candidate.rank,
            score=round(candidate.score, 4),
            place=candidate.place,
            vetoed=candidate.vetoed,
        )
        for candidate in candidates
    ]
    features += [
        _point(
            photo.latitude,
            photo.longitude,
            role="evidence",
            similarity=round(photo.similarity, 4),
            source=photo.source,
            external_id=photo.external_id,
            licence=photo.licence,
        )
        for photo in evidence
    ]
    return {"type": "FeatureCollection", "features": features}


def _point(latitude: float, longitude: float, **properties: Any) -> dict[str, Any]:
    # Six decimals are ten centimeters.
    coordinates = [round(longitude, 6), round(latitude, 6)]
    return _feature({"type": "Point", "coordinates": coordinates}, **properties)


def _feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}
