"""Image encoders: from photos to unit vectors. Importing this package imports no torch."""

from __future__ import annotations

from geofix.tools.encoders.load import DEFAULT_FULL, STARTER, Encoder, load_encoder

__all__ = ["DEFAULT_FULL", "STARTER", "Encoder", "load_encoder"]
