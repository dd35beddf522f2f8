"""The place somebody claims, as a candidate: it is looked at, and is no witness for itself."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.candidates import NOWHERE_KM, PLACE_SCALE_KM
from geofix.agent.choice.nearby import apart_km
from geofix.agent.state import Candidate
from geofix.tools.clusters import SCALES_KM


def with_claimed(
    candidates: Sequence[Candidate], claimed: tuple[float, float] | None
) -> list[Candidate]:
    """Return the candidates, and the claimed place where none of them lies within 25 km of it."""
    if claimed is None or any(apart_km(c, claimed) <= PLACE_SCALE_KM for c in candidates):
        return list(candidates)
    place = Candidate(
        latitude=claimed[0],
        longitude=claimed[1],
        radius_km=NOWHERE_KM,
        score=0.0,
        parts={f"share_{scale:g}_km": 0.0 for scale in SCALES_KM},
        photos=0,
        best_similarity=None,
        origin="claim",
        scale_km=NOWHERE_KM,
    )
    return [*candidates, place]
