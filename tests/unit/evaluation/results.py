"""Results made for a test."""

from __future__ import annotations

from typing import Any

from geofix.evaluation.run.result import Result


def result_of(photo: str, error_km: float | None, **changes: Any) -> Result:
    """Return a result in Lund whose peers are 100 km off; without an error geofix abstained."""
    values = {
        "photo": photo,
        "status": "abstained" if error_km is None else "located",
        "truth_latitude": 55.7,
        "truth_longitude": 13.2,
        "country_code": "SE",
        "latitude": None if error_km is None else 55.7,
        "longitude": None if error_km is None else 13.2,
        "error_km": error_km,
        "first_km": 50.0 if error_km is None else error_km,
        "peers_km": {"nearest": 100.0, "density": 100.0},
        "candidate_errors_km": [50.0 if error_km is None else error_km],
        "neighbour_errors_km": [100.0, 0.5],
        "radii_km": {"0.5": 1.0, "0.9": 10.0},
        "confidence": {"city": 0.8},
        "seconds": 0.2,
    }
    return Result(**{**values, **changes})
