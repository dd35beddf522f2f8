"""How a run has the model asked, by name; what the names mean stands in `geofix.agent.prompts`."""

from __future__ import annotations

from typing import Literal

PresetName = Literal["geofix", "g3", "img2loc"]
"""Whose prompts are used."""

Routing = Literal["off", "retrieval"]
"""What decides how many neighbours a model is shown."""
