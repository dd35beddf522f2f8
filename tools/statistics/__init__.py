"""The coverages and scales of calibrations, in a module without numpy so that help is fast."""

from __future__ import annotations

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Coverages of the radius."""

SCALES = {"street": 1.0, "city": 25.0, "region": 200.0, "country": 750.0, "continent": 2500.0}
"""Names of the field's accuracies, km."""
