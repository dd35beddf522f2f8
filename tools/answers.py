"""What a model's answer is, with what it cost; and one reply of it, as a message was read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from langchain_core.messages import AIMessage
from pydantic import BaseModel

from geofix.db.plain_text import one_line
from geofix.tools.errors import ModelError
from geofix.tools.parsing import legible
from geofix.tools.refusal import refusal_of

AnswerT = TypeVar("AnswerT", bound=BaseModel)

MOST_TEXT = 65_536
"""Characters of one answer that are read and kept, its last ones: about 16,000 tokens."""

MOST_NAME = 200
"""Characters of what a server calls its model or its build."""

MOST_TOKENS = 2**31
"""Of one call, in or out. A count above it is no count; a checkpoint refuses 2^64."""

COUNTED = ("input_tokens", "output_tokens")
"""Counts that a call must come with, or what it spent is not known."""

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
    """Every answer as the model wrote it, in order; two where the first had to be mended. Of one
    longer than `MOST_TEXT` the end, after a line with its length and SHA-256."""
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
    uncounted: int = 0
    """Calls that were answered without a usable count of their tokens."""
    notes: tuple[str, ...] = ()
    """What had to be done without, such as a schema the server refused, and what was cut."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of a model."""

    text: str
    """What it wrote, as `Answer.texts` has it; of a tool call, the arguments."""
    tokens: dict[str, int] = field(default_factory=dict)
    cached: bool = False
    refusal: str | None = None
    """Why it, or what stands before it, will not answer."""
    cut: bool = False
    """Whether it stopped at a limit of tokens."""
    too_long: bool = False
    """Whether only the last `MOST_TEXT` characters of it were read."""
    model: str | None = None
    revision: str | None = None
    notes: tuple[str, ...] = ()
    """What of it was cut or left out, and why."""


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
    text, was_cut = _bounded(_text(raw))
    tokens, not_counted = ({}, []) if cached else _tokens(raw.usage_metadata)
    finish = _finish(said)
    return Reply(
        text=text,
        tokens=tokens,
        cached=cached,
        refusal=refusal_of(raw, finish, said),
        cut=finish in _CUT,
        too_long=bool(was_cut),
        model=_name(said.get("model_name")) or _name(said.get("model")),
        revision=_name(said.get("system_fingerprint")),
        notes=(*was_cut, *not_counted),
    )


def _finish(said: Mapping[str, Any]) -> str | None:
    incomplete = said.get("incomplete_details")
    reasons = [said.get(key) for key in _FINISHES]
    reasons += [incomplete.get("reason")] if isinstance(incomplete, Mapping) else []
    return next((reason for reason in reasons if isinstance(reason, str) and reason), None)


def _name(value: Any) -> str | None:
    """Return a server's word for something; None if it is no text."""
    if not isinstance(value, str):
        return None
    return one_line(value[:MOST_NAME])[:MOST_NAME].strip() or None


def _text(raw: AIMessage) -> str:
    text = str(raw.text)
    # Where the answer came as a tool's arguments, they are what the model wrote.
    if not text.strip() or raw.tool_calls:
        calls: Sequence[Any] = raw.tool_calls or raw.invalid_tool_calls
        written = [call["args"] for call in calls][:1]
        text = next((a if isinstance(a, str) else _as_json(a) for a in written), text)
    return text


def _as_json(arguments: Any) -> str:
    try:
        return json.dumps(arguments)
    # Nested too deep, digits Python refuses to print, or no JSON at all.
    except (RecursionError, ValueError, TypeError) as error:
        return f"(arguments that are no JSON: {type(error).__name__}: {error})"


def _bounded(text: str) -> tuple[str, list[str]]:
    """Return what of a text is read and kept, and a note if that is not all."""
    if len(text) <= MOST_TEXT:
        return legible(text), []
    whole = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    # The end: whoever thinks aloud decides there.
    cut = f"cut to the last {MOST_TEXT:,} of {len(text):,} characters"
    note = f"the model's answer was {cut}; the rest was neither read nor kept"
    return f"[{cut}, SHA-256 of all {whole}]\n{legible(text[-MOST_TEXT:])}", [note]


def _tokens(usage: Any) -> tuple[dict[str, int], list[str]]:
    """Return the counts that can be, and a note for each that cannot."""
    said = usage if isinstance(usage, Mapping) else {}
    details = said.get("input_token_details")
    read = details.get("cache_read") if isinstance(details, Mapping) else None
    given = {key: said[key] for key in COUNTED if said.get(key) is not None}
    given |= {"cached_input_tokens": read} if read else {}
    counts = {key: value for key, value in given.items() if _is_count(value)}
    notes = [
        f"the server's count of {key} is {_shown(value)}, which cannot be, so it is taken as"
        " unknown"
        for key, value in given.items()
        if key not in counts
    ]
    return counts, notes


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS


def _shown(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length():,} bits"
    return repr(value)[:60]


def total(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the sum of token counts, by name."""
    summed: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            summed[name] = summed.get(name, 0) + number
    return summed
