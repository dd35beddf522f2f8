"""Candidates for tests, short to write."""

from __future__ import annotations

from geofix.agent.state import Candidate


def candidate(
    place: tuple[float, float],
    score: float,
    *,
    scale_km: float = 25.0,
    vetoed: str | None = None,
    **parts: float,
) -> Candidate:
    return Candidate(
        latitude=place[0],
        longitude=place[1],
        radius_km=scale_km,
        score=score,
        parts=parts,
        photos=1,
        best_similarity=0.5,
        origin="cluster",
        scale_km=scale_km,
        vetoed=vetoed,
    )
