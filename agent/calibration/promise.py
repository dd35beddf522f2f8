"""The promise behind an answer: a fitted radius and confidence, or why there is none.

What is fitted here was fitted by `geofix calibrate DATASET` on photos of known places, asked of the
same encoder and galleries. It holds for photos like those, asked alike; whether it does for a run
is decided in `geofix.agent.verify.in_force`. Where it does not, the answer keeps the reach of
its photos as radius, states no confidence, and says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from geofix.agent.answer import Calibration, Code, Reason, share_name
from geofix.agent.state import Candidate, Retrieval
from geofix.tools.statistics import SCALES
from geofix.tools.statistics.conformal import LEVELS, ConformalRadius
from geofix.tools.statistics.reliability import ScaleConfidence

SIGNALS = frozenset(
    {
        *("log_odds", "lead", "log_scale", "log_reach", "log_impostor_share", "log_inliers"),
        *("log_photos", "similarity", "rounds"),
        *map(share_name, SCALES.values()),
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
        **{share_name(scale_km): first.share_within(scale_km) for scale_km in SCALES.values()},
    }


SMALLEST_KM = 0.001
"""A radius is not stated finer: coordinates are not either."""


AGAIN = "run `geofix calibrate DATASET` again"

PROMISE = (
    "a radius at 90% covers at least 90% of photos from new places like the {places} it was"
    " calibrated on, on average over calibrations; a single calibration may cover less"
)
"""What every calibrated answer promises, in words."""


class Fitted(BaseModel):
    """A calibration: what was fitted, on what, and what it holds for. The stored document."""

    model_config = ConfigDict(frozen=True)

    scorers: dict[str, Any] | None = None
    """Trained scorers, as `geofix.agent.verify.scorers.scorers_of` reads them; none means those
    shipped."""
    chosen_by: str
    """What chose its answers, by `geofix.agent.verify.scorers.scorers_digest`: shipped ones may
    change with geofix."""
    radius: ConformalRadius
    confidence: ScaleConfidence
    encoder: str
    galleries: tuple[str, ...]
    """Names; none means all there were."""
    drafted_by: str
    image_place: str | None = None
    """The setting: on which CLIP photo and places were compared."""
    centring_version: int | None
    photos_in_gallery: int = Field(ge=1)
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the runs it was fitted on, see `options_of`; empty where these were simulated, and
    options are not compared."""
    digest: str
    """SHA-256 of the data it was fitted on."""
    photos: int
    """How many photos the radius was fitted on."""
    places: int = Field(ge=1)
    """How many places these are of. Calibrations older than this counted photos."""
    made_on: str
    """ISO 8601 date."""


@dataclass(frozen=True, slots=True)
class Promise:
    """The radius and confidence that an answer states."""

    radius_km: float
    calibration: Calibration
    radii_km: dict[str, float] = field(default_factory=dict)
    confidence: dict[str, float] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether a radius is stated that keeps its coverage."""
        return bool(self.radii_km)


def apply(
    known: Calibration,
    fitted: Fitted | None,
    signals: Mapping[str, float],
    *,
    reach_km: float,
    coverage: float,
) -> Promise:
    """Return the promise of an answer.

    Args:
        known: What was decided of the calibration.
        fitted: The calibration, where it holds.
        signals: Of the answer, see `geofix.agent.calibration.promise.signals_of`.
        reach_km: How far its photos are spread: the radius where none is calibrated.
        coverage: Which of the levels `radius_km` is to have.
    """
    if fitted is None or known.reason is not None:
        return Promise(reach_km, known)
    difficulty = fitted.confidence.difficulty(signals)
    radii = {
        level: max(SMALLEST_KM, fitted.radius.radius_km(difficulty, level)) for level in LEVELS
    }
    notes = [
        Reason.of(
            Code.WHOLE_EARTH,
            f"the radius at {level:.0%} covers the whole Earth, because calibration photos as hard"
            " as this one were of too few places, or were placed wrongly in too many",
        )
        for level in LEVELS
        if not fitted.radius.is_bounded(difficulty, level)
    ]
    return Promise(
        radius_km=radii[coverage],
        calibration=known.model_copy(
            update={
                "difficulty": difficulty,
                "notes": [
                    Reason.of(Code.PROMISE, PROMISE.format(places=f"{fitted.places:,} places")),
                    *notes,
                ],
            }
        ),
        radii_km={f"{level:g}": round(radius, 3) for level, radius in radii.items()},
        confidence=fitted.confidence.confidence(signals),
    )
