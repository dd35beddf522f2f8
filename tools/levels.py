"""The coverages a radius is stated at. Apart, since options are shown without loading numpy."""

from __future__ import annotations

LEVELS = (0.5, 0.8, 0.9, 0.95)
