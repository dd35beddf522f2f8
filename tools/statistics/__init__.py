"""The coverages and scales of calibrations, in a module without numpy so that help is fast."""

from __future__ import annotations

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Coverages of the radius."""

PLACE_KM = 25.0
"""Photos this close are of one place: the field's city scale."""

REGION_KM = 200.0
"""Places this close are of one region."""

SCALES = {
    "street": 1.0,
    "city": PLACE_KM,
    "region": REGION_KM,
    "country": 750.0,
    "continent": 2500.0,
}
"""Names of the field's accuracies (Hays and Efros 2008, Vo et al. 2017), km."""

SCALES_KM = tuple(SCALES.values())
"""From fine to coarse."""
