"""What a model's answer is, with what it cost; and one reply of it, as a message was read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from langchain_core.messages import AIMessage
from pydantic import BaseModel

from geofix.db.plain_text import LONGEST_NAME, one_line
from geofix.tools.errors import ModelError
from geofix.tools.parsing import legible
from geofix.tools.refusal import refusal_of

AnswerT = TypeVar("AnswerT", bound=BaseModel)

_FINISHES = ("finish_reason", "done_reason", "stop_reason")
_CUT = frozenset({"length", "max_tokens", "MAX_TOKENS", "max_output_tokens"})


@dataclass(frozen=True, slots=True)
class Answer(Generic[AnswerT]):
    """What a model answered, with what it cost."""

    parsed: AnswerT | None
    """None if nothing usable came."""
    failure: str | None
    """Why nothing usable came."""
    texts: tuple[str, ...]
    """Every answer as the model wrote it, in order; two where the first had to be mended."""
    tokens: dict[str, int]
    """Spent, as the server counts: `input_tokens`, `output_tokens`, and `cached_input_tokens` where
    some of the input was read from its own cache. Nothing for an answer out of our cache. Where one
    call gave several answers, the first carries all of it."""
    repaired: str | None
    """What was wrong with the first answer, if a second turn was needed."""
    cached: bool
    """Whether no call was made at all."""
    model: str | None = None
    """Name of the model as the server reports it, which may be another than was asked for."""
    revision: str | None = None
    """What the server says of its build (`system_fingerprint`)."""
    seconds: float = 0.0
    """From question to answer, waits and repairs included."""
    calls: int = 0
    """Requests that were sent, failed ones included."""
    cost: float | None = None
    """US dollars; None where prices or tokens are unknown, 0 only where nothing was sent or the
    price is 0."""
    notes: tuple[str, ...] = ()
    """What had to be done without, such as a schema the server refused."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of a model."""

    text: str
    """What it wrote; of a tool call, the arguments."""
    tokens: dict[str, int] = field(default_factory=dict)
    cached: bool = False
    refusal: str | None = None
    """Why it, or what stands before it, will not answer."""
    cut: bool = False
    """Whether it stopped at a limit of tokens."""
    model: str | None = None
    revision: str | None = None


def reply_of(raw: Any, *, reported: dict[str, Any] | None = None, cached: bool = False) -> Reply:
    """Read a message.

    Args:
        raw: What the client returned.
        reported: What the server said beside it, where the message does not carry it.
        cached: Whether it came out of our cache, so that its tokens are not spent again.

    Raises:
        ModelError: It is no message of a model.
    """
    if not isinstance(raw, AIMessage):
        raise ModelError(f"it answered with {type(raw).__name__!r}, not with a message")
    said = {**(reported or {}), **raw.response_metadata}
    incomplete = said.get("incomplete_details") or {}
    finish = next((said[key] for key in _FINISHES if said.get(key)), incomplete.get("reason"))
    return Reply(
        text=legible(_text(raw)),
        tokens={} if cached else _tokens(raw.usage_metadata or {}),
        cached=cached,
        refusal=refusal_of(raw, finish, said),
        cut=finish in _CUT,
        model=_name(said.get("model_name") or said.get("model")),
        revision=_name(said.get("system_fingerprint")),
    )


def _name(said: Any) -> str | None:
    """Return a name a server gives itself, fit to be kept and shown."""
    return one_line(str(said))[:LONGEST_NAME] if said else None


def _text(raw: AIMessage) -> str:
    text = str(raw.text)
    # Where the answer came as a tool's arguments, they are what the model wrote.
    if not text.strip() or raw.tool_calls:
        calls: Sequence[Any] = raw.tool_calls or raw.invalid_tool_calls
        written = [call["args"] for call in calls][:1]
        text = next((a if isinstance(a, str) else json.dumps(a) for a in written), text)
    return text


def _tokens(usage: Any) -> dict[str, int]:
    counts = {key: int(usage[key]) for key in ("input_tokens", "output_tokens") if key in usage}
    read = (usage.get("input_token_details") or {}).get("cache_read")
    return {**counts, "cached_input_tokens": int(read)} if read else counts


def total(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the sum of token counts, by name."""
    summed: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            summed[name] = summed.get(name, 0) + number
    return summed
