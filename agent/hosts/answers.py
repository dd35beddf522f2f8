"""An answer in the forms that hosts take."""

from __future__ import annotations

from typing import Any

from geofix.agent.answer import format_coordinates
from geofix.agent.fix import Fix


def text_of(fix: Fix) -> str:
    """Return the answer as text for a chat or a model, with the photo's reference."""
    if fix.latitude is None or fix.longitude is None:
        head = f"{fix.status}: {'; '.join(fix.reasons)}"
    else:
        head = f"{fix.place or 'no named place'}, {format_coordinates(fix.latitude, fix.longitude)}"
    return f"{head}. Run {fix.run}. Photo {fix.photo}."


def plain(fix: Fix) -> dict[str, Any]:
    """Return the answer as plain JSON types."""
    return fix.model_dump(mode="json")
