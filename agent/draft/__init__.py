"""The draft: what a model is shown, how it is asked, and what its answers come to.

Here stand the words by which a person chooses among these; apart, so that `--help` needs no
pydantic.
"""

from __future__ import annotations

from typing import Literal

PresetName = Literal["geofix", "g3", "img2loc", "street-level-rag", "none"]
"""Whose prompts are used; with `none` no model is asked."""

Routing = Literal["off", "retrieval"]
"""What decides how many neighbours a model is shown."""

NegativesBy = Literal["dissimilar", "far", "none"]
"""Which photos speak against a place."""
