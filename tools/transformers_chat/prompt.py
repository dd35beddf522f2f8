"""From LangChain's messages to a model's input: template, tokens, pixels. Imports torch."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import torch
from jinja2 import TemplateError
from langchain_core.messages import BaseMessage, HumanMessage
from PIL import Image, UnidentifiedImageError

from geofix.tools.errors import ModelError
from geofix.tools.models.privacy import pictures_in
from geofix.tools.transformers_chat.loading import LoadedModel

_MARK = "geofix-thought"

CLOSING_WORDS = (
    "Now answer with one JSON object that fits this JSON schema, and nothing else:\n{schema}"
)
"""Said to a model that has thought."""


class UnfitPromptError(ValueError):
    """The model cannot take this prompt: too long, or its template refuses the roles."""


def model_input(loaded: LoadedModel, chat: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the keyword arguments of `generate`, where the model wants them.

    What looks like a control token in the words, such as `<|im_end|>` or `<image>`, stays words.

    Raises:
        UnfitPromptError: The chat template refuses the chat, or the model the pictures.
    """
    try:
        features = loaded.processor.apply_chat_template(
            chat,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            sanitize_control_tokens=True,
        )
    except (TemplateError, ValueError, IndexError) as error:
        raise UnfitPromptError(
            f"the model {loaded.checkpoint.name!r} does not take this chat ({error})"
        ) from error
    moved = features.to(loaded.model.device, dtype=loaded.model.dtype)
    return dict(moved)


def require_room(loaded: LoadedModel, tokens: int, max_new_tokens: int) -> None:
    """Check that prompt and answer fit.

    Raises:
        UnfitPromptError: They do not.
    """
    text = loaded.model.config.get_text_config()
    most = getattr(text, "max_position_embeddings", None)
    if most is not None and tokens + max_new_tokens > most:
        raise UnfitPromptError(
            f"the prompt of {tokens:,} tokens and an answer of up to {max_new_tokens:,} do not fit"
            f" the {most:,} tokens of the model {loaded.checkpoint.name!r}; send fewer or smaller"
            " pictures or fewer lines, or lower max_new_tokens"
        )


def closing_turn(loaded: LoadedModel, schema: str) -> torch.Tensor:
    """Return the tokens `[length]` that stand between a model's thoughts and its answer.

    Raises:
        UnfitPromptError: The chat template cannot render a second turn.
    """
    chat = [
        {"role": "user", "content": [{"type": "text", "text": "Think."}]},
        {"role": "assistant", "content": [{"type": "text", "text": _MARK}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": CLOSING_WORDS.format(schema=schema)}],
        },
    ]
    try:
        text = loaded.processor.apply_chat_template(chat, add_generation_prompt=True)
    except (TemplateError, ValueError) as error:
        raise UnfitPromptError(
            f"the model {loaded.checkpoint.name!r} does not accept a second turn ({error}), so it"
            " cannot think first; set think to false"
        ) from error
    after = str(text).partition(_MARK)[2]
    ids = loaded.tokenizer(after, add_special_tokens=False, return_tensors="pt")["input_ids"]
    tokens: torch.Tensor = ids[0].to(loaded.model.device)
    return tokens


_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


def chat_of(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return the messages with every picture as a PIL image, in their order.

    Raises:
        ModelError: There are no messages, one is of a kind that a model in this process does not
            take, or a picture cannot be read.
    """
    if not messages:
        raise ModelError("there are no messages to answer; give at least one")
    return [_turn(message) for message in messages]


def _turn(message: BaseMessage) -> dict[str, Any]:
    # Pieces of a stream are messages too, and say so in their type.
    role = _ROLES.get(message.type.removesuffix("MessageChunk").lower())
    if role is None:
        raise ModelError(
            f"a model in this process does not take messages of type {message.type!r}; use"
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
            " `geofix.tools.photo.read.to_jpeg`"
        ) from error
