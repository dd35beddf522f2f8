"""From a kept case back to what the verifier saw, so that choosing can be tried on it again."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.choice.choosing import choose
from geofix.agent.choice.gallery_density import counted_at
from geofix.agent.choice.observed import Density, Observed
from geofix.agent.choice.scorers import Scorers
from geofix.agent.state import Candidate
from geofix.evaluation.cases import Case
from geofix.tools.geo import haversine_km


def observed_of(
    case: Case, *, drafts: bool = True, matches: bool = True, negatives: int | None = None
) -> Observed:
    """Return what the verifier saw of a case.

    Args:
        case: As kept.
        drafts: Whether a model drafted.
        matches: Whether pictures were compared.
        negatives: How many of the negatives count; all of them by default.
    """
    retrieval = case.retrieval
    if negatives is not None:
        retrieval = retrieval.model_copy(update={"negatives": retrieval.negatives[:negatives]})
    return Observed(
        retrieval=retrieval,
        drafts=case.model_drafts if drafts else [],
        matches=case.matches if matches else {},
        density=_density(case) if case.densities else None,
        photos_in_gallery=case.photos_in_gallery,
        image_place={(north, east): likeness for north, east, likeness in case.image_place},
        scene=case.scene,
    )


def choices(observed: Observed, scorers: Scorers) -> list[Candidate]:
    """Return the candidates of a first round anywhere, in order."""
    return choose(observed, region=None, within=None, region_share=1.0, scorers=scorers)


def first_of(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the leading candidate that is not vetoed."""
    return next((candidate for candidate in candidates if candidate.vetoed is None), None)


def off_km(case: Case, latitude: float | None, longitude: float | None) -> float:
    """Return the distance of a place from the truth; infinite where there is no place."""
    if latitude is None or longitude is None:
        return float("inf")
    return float(haversine_km(case.latitude, case.longitude, latitude, longitude))


def _density(case: Case) -> Density:
    points = [(latitude, longitude) for latitude, longitude, _ in case.densities]
    return counted_at(points, [photos for _, _, photos in case.densities])
