"""From words and pictures to messages, and from messages to what the trail keeps of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from geofix.agent.prompts.presets import Preset
from geofix.agent.prompts.shown import Shown

Content = list[str | dict[Any, Any]]


def draft_messages(
    preset: Preset, jpeg: bytes, shown: Shown, exemplars: Mapping[int, bytes] | None = None
) -> list[BaseMessage]:
    """Return the messages that ask for a draft.

    Args:
        preset: In which words.
        jpeg: The photo, without metadata. Its name and EXIF are not known here.
        shown: The lists beside it.
        exemplars: Pictures of candidates, JPEG without metadata, by the candidate's number.
    """
    content: Content = [_text("Image 1 is the photo to locate."), _image(jpeg)]
    # In words, since some clients part text from pictures.
    for image, (candidate, picture) in enumerate((exemplars or {}).items(), start=2):
        content += [_text(f"Image {image} shows candidate {candidate}."), _image(picture)]
    words = preset.lists(shown)
    if words:
        content.append(_text(words))
    return [SystemMessage(preset.system(shown)), HumanMessage(content)]


def as_sent(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return the messages as the trail keeps them: every word, each picture by hash and size."""
    return [{"role": message.type, "content": _kept(message.content)} for message in messages]


def _text(words: str) -> dict[Any, Any]:
    return {"type": "text", "text": words}


def _image(jpeg: bytes) -> dict[Any, Any]:
    encoded = base64.b64encode(jpeg).decode("ascii")
    return {"type": "image", "base64": encoded, "mime_type": "image/jpeg"}


def _kept(content: str | list[str | dict[Any, Any]]) -> str | list[Any]:
    if isinstance(content, str):
        return content
    return [_picture(block) if isinstance(block, dict) else block for block in content]


def _picture(block: dict[Any, Any]) -> dict[Any, Any]:
    if "base64" not in block:
        return block
    data = base64.b64decode(block["base64"])
    rest = {key: value for key, value in block.items() if key != "base64"}
    return {**rest, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
