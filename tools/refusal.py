"""Refusals: a model, or a filter before it, that will not answer. Not worth arguing with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage

_FILTERED = frozenset(
    {
        "content_filter",
        "refusal",
        "safety",
        "prohibited_content",
        "blocklist",
        "spii",
        "image_safety",
    }
)
"""Finish reasons of OpenAI, Azure, Anthropic and Google, in small letters."""

_WILL_NOT = re.compile(
    r"\b(?:i|we)(?:'m| am| are)?\s+"
    r"(?:can(?:no|')t|can not|won't|will not|unable to|not able to|not comfortable|must decline)"
    r".{0,40}?\b(?:help|assist|identify|comply|fulfil+|provide|support|do that|with that)\b",
    re.IGNORECASE | re.DOTALL,
)
"""What a refusal sounds like. "I cannot tell where this is" is none: it is an answer."""

_SORRY = re.compile(r"\bi(?:'m| am) sorry,? (?:but )?(?:i )?can(?:no|')t\b", re.IGNORECASE)
_HEAD = 300
"""Characters a refusal begins within; later such words are quoted, or weighed."""


def refusal_of(message: AIMessage, finish: Any, said: dict[str, Any]) -> str | None:
    """Return why there is no answer, where client or server mark it as refused.

    Args:
        message: The model's.
        finish: Its finish reason, by whatever name.
        said: What else the server said of it.
    """
    marked = message.additional_kwargs.get("refusal") or _in_blocks(message)
    if marked:
        return str(marked)
    if isinstance(finish, str) and finish.lower() in _FILTERED:
        return message.text.strip() or f"it was stopped ({finish})"
    feedback = said.get("prompt_feedback")
    blocked = feedback.get("block_reason") if isinstance(feedback, Mapping) else None
    if blocked:
        return f"the question was blocked ({getattr(blocked, 'value', blocked)})"
    return None


def sounds_refused(text: str) -> bool:
    """Tell whether prose without an answer is a refusal rather than an answer out of form."""
    head = text.strip().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")[:_HEAD]
    return _WILL_NOT.search(head) is not None or _SORRY.search(head) is not None


def _in_blocks(message: AIMessage) -> str | None:
    # OpenAI's newer interface puts a refusal among the parts of the content.
    if isinstance(message.content, str):
        return None
    parts = [part for part in message.content if isinstance(part, dict)]
    return next((str(part["refusal"]) for part in parts if part.get("type") == "refusal"), None)
