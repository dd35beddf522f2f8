"""The answer as RFC 7946 GeoJSON: the radius, the point, the candidates, and the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geofix.agent.answer import Evidence
from geofix.agent.calibrated import Promise
from geofix.agent.state import Candidate
from geofix.db.plain_text import visible
from geofix.tools.geojson import circle_geometry


def fix_geojson(
    candidates: Sequence[Candidate],
    first: Candidate | None,
    promise: Promise | None,
    evidence: Sequence[Evidence],
) -> dict[str, Any]:
    """Return a feature collection.

    Args:
        candidates: All of the run.
        first: The answer among them; none where geofix abstains.
        promise: The answer's.
        evidence: The photos it rests on.
    """
    features = []
    if first is not None and promise is not None:
        features.append(
            _feature(
                circle_geometry(first.latitude, first.longitude, promise.radius_km),
                role="radius",
                radius_km=promise.radius_km,
                radius_calibrated=promise.kept,
                radii_km=promise.radii_km,
            )
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
            held_back=candidate.held_back,
        )
        for candidate in candidates
    ]
    features += [
        _point(
            photo.latitude,
            photo.longitude,
            role="evidence",
            similarity=round(photo.similarity, 4),
            source=visible(photo.source),
            external_id=visible(photo.external_id),
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
