"""From LangChain's messages to a chat as transformers' templates take it, pictures decoded."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage
from PIL import Image, UnidentifiedImageError

from geofix.tools.errors import ModelError
from geofix.tools.pictures import pictures_in

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


def chat_of(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return the messages with every picture as a PIL image, in their order.

    Raises:
        ModelError: There are none, one is of a kind a model in this process does not take, or a
            picture is none.
    """
    if not messages:
        raise ModelError("there are no messages to answer; give at least one")
    return [_turn(message) for message in messages]


def _turn(message: BaseMessage) -> dict[str, Any]:
    # Pieces of a stream are messages too, and say so in their type.
    role = _ROLES.get(message.type.removesuffix("MessageChunk").lower())
    if role is None:
        raise ModelError(
            f"a model in this process takes no messages of type {message.type!r}; give those of"
            f" {', '.join(_ROLES)}"
        )
    content = message.content
    blocks = [content] if isinstance(content, str) else content
    return {"role": role, "content": [_part(block) for block in blocks]}


def _part(block: str | dict[Any, Any]) -> dict[str, Any]:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    if block.get("type") == "text":
        return {"type": "text", "text": str(block["text"])}
    encoded = next(pictures_in([HumanMessage([block])]), None)
    if encoded is None:
        raise ModelError(
            f"a model in this process takes text and pictures in base64, not a block of type"
            f" {block.get('type')!r} with {', '.join(map(str, block))}"
        )
    return {"type": "image", "image": _picture(encoded)}


def _picture(encoded: str) -> Image.Image:
    try:
        return Image.open(BytesIO(base64.b64decode(encoded, validate=True))).convert("RGB")
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError) as error:
        raise ModelError(
            f"a picture of the prompt cannot be read ({error}); encode it with"
            " `geofix.tools.images.to_jpeg`"
        ) from error
