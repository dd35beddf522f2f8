"""Calibrations for tests, short to write."""

from __future__ import annotations

from typing import Any

from geofix.agent.calibration.promise import Fitted
from geofix.agent.verify.scorers import default_scorers, scorers_digest
from geofix.tools.statistics import SCALES
from geofix.tools.statistics.conformal import fit_radius
from geofix.tools.statistics.reliability import ScaleConfidence, ScaleCurve

EVERY_KM = tuple(float(km) for km in range(1, 101))
"""Errors of a hundred held-out photos."""


def confidence(intercept: float = 2.0) -> ScaleConfidence:
    """Return one that is equally sure at every scale, of every photo of score 0.5."""
    curves = tuple(
        ScaleCurve(
            name=name,
            scale_km=km,
            intercept=intercept,
            coefficients={"log_odds": 0.0},
            said=(0.0, 1.0),
            true=(0.01, 0.99),
        )
        for name, km in SCALES.items()
    )
    return ScaleConfidence(means={"log_odds": 0.0}, deviations={"log_odds": 1.0}, curves=curves)


def fitted(errors_km: tuple[float, ...] = EVERY_KM, **changes: Any) -> Fitted:
    """Return a calibration whose held-out photos were all as hard as any photo is."""
    model = confidence()
    difficulty = model.difficulty({"log_odds": 0.0})
    given: dict[str, Any] = {
        "radius": fit_radius(errors_km, [difficulty] * len(errors_km)),
        "confidence": model,
        "encoder": "color",
        "galleries": (),
        "drafted_by": "consensus",
        "centring_version": 1,
        "photos_in_gallery": 1000,
        "digest": "ab" * 32,
        "photos": len(errors_km),
        "places": len(errors_km),
        "chosen_by": scorers_digest(default_scorers()),
        "made_on": "2026-11-23",
    }
    return Fitted(**{**given, **changes})
