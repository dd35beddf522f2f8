"""What radius and confidence of an answer depend on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geofix.agent.state import Candidate, Retrieval
from geofix.tools.levels import SCALES

SIGNALS = frozenset(
    {
        *("log_odds", "lead", "log_scale", "log_reach", "log_impostor_share", "log_inliers"),
        *("log_photos", "similarity", "rounds"),
        *(f"share_{scale_km:g}_km" for scale_km in SCALES.values()),
    }
)
"""The names of `signals_of`."""


def signals_of(
    first: Candidate, candidates: Sequence[Candidate], retrieval: Retrieval, *, rounds: int = 1
) -> dict[str, float]:
    """Return what radius and confidence depend on, every value finite.

    Args:
        first: The answer.
        candidates: All of the run, the answer among them.
        retrieval: The first round's: a finer one searches fewer photos.
        rounds: How many there were.
    """
    rivals = [
        other.score
        for other in candidates
        if other.vetoed is None and other is not first and other.distance_km > first.scale_km
    ]
    probability = min(1 - 1e-4, max(1e-4, first.score))
    share = retrieval.impostor_share
    return {
        "log_odds": math.log(probability / (1 - probability)),
        "lead": first.score - max(rivals, default=0.0),
        "log_scale": math.log10(first.scale_km),
        "log_reach": math.log10(max(first.radius_km, 1e-3)),
        "log_impostor_share": math.log10(1.0 if share is None else max(share, 1e-4)),
        "log_inliers": math.log1p(first.parts.get("inliers", 0.0)),
        "log_photos": math.log1p(first.independent),
        "similarity": first.best_similarity or 0.0,
        "rounds": float(rounds),
        **{
            name: first.parts.get(name, 0.0)
            for name in (f"share_{scale_km:g}_km" for scale_km in SCALES.values())
        },
    }
