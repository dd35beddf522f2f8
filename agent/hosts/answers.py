"""An answer in the forms that hosts take."""

from __future__ import annotations

from typing import Any

from geofix.agent.fix import Fix


def text_of(fix: Fix) -> str:
    """Return the answer as text for a chat or a model, with the photo's reference."""
    return f"{fix.to_text()} Photo {fix.photo}."


def plain(fix: Fix) -> dict[str, Any]:
    """Return the answer as plain JSON types, without what the file's EXIF says."""
    return fix.without_exif().model_dump(mode="json")
