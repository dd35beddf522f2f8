"""The messages of a request, words and pictures, and what the trail keeps of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from PIL import Image

from geofix.agent.context import Context
from geofix.agent.draft.lists import Shown
from geofix.agent.draft.presets import Preset
from geofix.agent.draft.prompts import hinted
from geofix.agent.errors import PhotoError
from geofix.agent.services import Services
from geofix.tools.models.providers import provider_named
from geofix.tools.photo.exemplars import read_exemplar
from geofix.tools.photo.read import from_jpeg, to_jpeg

Content = list[str | dict[Any, Any]]


def draft_messages(
    preset: Preset,
    jpeg: bytes,
    shown: Shown,
    exemplars: Mapping[int, bytes] | None = None,
    hints: Sequence[str] = (),
) -> list[BaseMessage]:
    """Return the messages that ask for a draft.

    Args:
        preset: In which words.
        jpeg: The photo, without metadata. Its name and EXIF are not known here.
        shown: The lists beside it.
        exemplars: Pictures of candidates, JPEG without metadata, by the candidate's number.
        hints: What people said about the place, each in their words.
    """
    content: Content = []
    if not preset.photo_last:
        content += [_text("Image 1 is the photo to locate."), _image(jpeg)]
    # In words, since some clients part text from pictures.
    for image, (candidate, picture) in enumerate((exemplars or {}).items(), start=2):
        content += [_text(f"Image {image} shows candidate {candidate}."), _image(picture)]
    words = (preset.lists(shown), hinted(hints), preset.question(shown))
    content += [_text(one) for one in words if one]
    if preset.photo_last:
        content.append(_image(jpeg))
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


def side_px(context: Context, services: Services) -> int:
    """Return the longer side of pictures for the model in force, pixels."""
    provider = provider_named(services.drafted_by.partition(":")[0])
    return context.image_px or provider.picture_px


def photo(sha256: str, side: int, services: Services) -> bytes:
    """Return the photo as the model gets it: small enough, and nothing but pixels."""
    return _small(from_jpeg(services.queries.find(sha256).jpeg), side)


def exemplars(
    shown: Shown, most: int, side: int, services: Services
) -> tuple[dict[int, bytes], list[str]]:
    """Return a picture of each of the first candidates, by its number, and why others have none.

    Args:
        shown: With the candidates; the best photo of each stands for it.
        most: How many pictures; 0 looks for none.
        side: Longer side, pixels.
        services: To the gallery.
    """
    best = [place.best for place in shown.candidates[:most]]
    if not best:
        return {}, []
    stored = services.pictures.find([hit.photo_id for hit in best])
    found: dict[int, bytes] = {}
    missing: list[str] = []
    for number, hit in enumerate(best, start=1):
        try:
            if hit.photo_id not in stored:
                raise PhotoError("the photo was removed")
            found[number] = _small(read_exemplar(stored[hit.photo_id]), side)
        except PhotoError as error:
            missing.append(f"no picture of candidate {number} was shown: {error}")
    return found, missing


def _small(pixels: Image.Image, side: int) -> bytes:
    pixels.thumbnail((side, side))
    return to_jpeg(pixels)
