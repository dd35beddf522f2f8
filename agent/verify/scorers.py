"""Which scorers choose: those of a calibration, those shipped, or weights set by hand."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from geofix.agent.answer import share_name
from geofix.agent.verify.evidence import KIND_OF
from geofix.agent.verify.scorer import Scorer
from geofix.agent.verify.spots import SPOT_FEATURES
from geofix.tools.once import once
from geofix.tools.statistics import SCALES_KM

WEIGHTS = Path(__file__).with_name("weights.json")
"""The scorers that are shipped (`geofix calibrate DATASET` makes such)."""

SHARE_WEIGHTS = dict(zip(SCALES_KM, (0.10, 0.45, 0.15, 0.05, 0.05), strict=True))
"""How much the votes within each scale count, km."""

STEEPNESS = 4.0
"""Log odds a unit of the hand-set sum adds: in the middle a lead keeps its size when squashed."""

ONE_PHOTO = math.log(2)
"""What the feature `independent` is with a single photo."""


class Scorers(BaseModel):
    """A scorer of places, and one of spots within them."""

    model_config = ConfigDict(frozen=True)

    place: Scorer
    spot: Scorer | None = None
    """Spots go by the weights set by hand where it is none."""

    @property
    def of_spots(self) -> Scorer:
        """What spots are chosen by."""
        return _SPOT_BY_HAND if self.spot is None else self.spot


def _by_hand(weights: Mapping[str, float], intercept: float) -> Scorer:
    return Scorer(
        name="hand-set",
        intercept=intercept,
        coefficients=dict(weights),
        # A place with one photo is the usual one: its score is what its votes say.
        means={name: ONE_PHOTO if name == "independent" else 0.0 for name in weights},
        scales=dict.fromkeys(weights, 1.0),
        trained_on="nothing: the weights were set by hand",
        photos=0,
    )


_PLACE = {
    **{share_name(scale): STEEPNESS * weight for scale, weight in SHARE_WEIGHTS.items()},
    # How rare the best likeness is; a model's word is one voice, never a majority.
    "likeness": STEEPNESS * 0.10,
    # Votes are sharp: one photo may hold nearly all. Its twins at the place count a little beside
    # them; twice as much lost a real photo (`python -m benchmarks.accuracy`).
    "independent": 0.75,
    "draft": STEEPNESS * 0.10,
    # A small model agrees with the first place of any list, a large one with the right one: odds of
    # 1.35 where all samples agree. Nothing measured it yet; a calibration with a model fits it.
    "drafts_agree": STEEPNESS * 0.075,
    "contradiction": STEEPNESS * -0.10,
    # Ten times the inliers of any other place decide, twice as many hint.
    "inliers_lead": STEEPNESS * 0.20,
}

_SPOT = {
    "spot_share": 1.0,
    "spot_density_50_m": 1.0,
    "spot_rank": 0.5,
    "spot_log_inliers": 1.0,
    "spot_log_inliers_sum": 0.5,
    "spot_inliers_lead": 1.0,
}

# 20 inliers, with which 87 % of photos were right (DESIGN.md section 5), about balance it.
_SPOT_BY_HAND = _by_hand(_SPOT, -3.0)

HAND_SET = Scorers(place=_by_hand(_PLACE, -STEEPNESS / 2), spot=_SPOT_BY_HAND)
"""Used where nothing was trained."""


@once
def default_scorers() -> Scorers:
    """Return the scorers that are shipped, or those set by hand where none are."""
    if not WEIGHTS.is_file():
        return HAND_SET
    return Scorers.model_validate_json(WEIGHTS.read_bytes())


def scorers_digest(scorers: Scorers) -> str:
    """Return the SHA-256 by which a calibration knows what chose."""
    # Postgres forgets the order of keys.
    written = json.dumps(scorers.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def scorers_of(fitted: Mapping[str, Any] | None) -> Scorers:
    """Return the scorers of a calibration; those shipped where it has none.

    Raises:
        ValueError: They weigh features that are not there: another version of geofix made them.
    """
    if fitted is None:
        return default_scorers()
    scorers = Scorers.model_validate(fitted)
    spots = {} if scorers.spot is None else scorers.spot.coefficients
    unknown = (scorers.place.coefficients.keys() - KIND_OF.keys()) | (
        spots.keys() - SPOT_FEATURES.keys()
    )
    if unknown:
        raise ValueError(
            f"no feature is called {min(unknown)!r}; run `geofix calibrate DATASET` again"
        )
    return scorers
