"""The words a model reads, versioned, and what assembles them.

No numbers stand in for coordinates here: models echo a `0.0` in a template as their answer in 35 to
60 % of cases (DESIGN.md section 5).
"""

from __future__ import annotations

from geofix.agent.prompts.answers import DraftAnswer, PointAnswer, SeenClue
from geofix.agent.prompts.messages import as_sent, draft_messages
from geofix.agent.prompts.presets import PRESETS, Preset
from geofix.agent.prompts.shown import Shown, shown

VERSION = "geofix-3"
"""Of all the words of this package; raise it with every change of them."""

__all__ = [
    "PRESETS",
    "VERSION",
    "DraftAnswer",
    "PointAnswer",
    "Preset",
    "SeenClue",
    "Shown",
    "as_sent",
    "draft_messages",
    "shown",
]
