"""What a model's answer is: read from its message, parsed, or a refusal."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from json import JSONDecoder
from typing import Any, ClassVar, Generic, TypeVar, cast

from langchain_core.messages import AIMessage
from pydantic import BaseModel, ValidationError

from geofix.db.plain_text import one_line
from geofix.tools.errors import ModelError
from geofix.tools.models import COUNTED
from geofix.tools.models.providers import PROVIDERS

ParsedT = TypeVar("ParsedT", bound=BaseModel)

_START = re.compile(r'\{[ \t\r\n]*["}]')
"""Where a JSON object may begin. A brace of prose or code is seldom followed by a quote."""

_LIST = re.compile(r"\s*+(?:```(?:json)?\s*+)?\[\s*+\{", re.IGNORECASE)
"""How an answer begins that is a list of objects."""

_RESCANS = 8
"""How often the characters of a text are read again, on average, to look inside broken objects."""

_EXTENT = JSONDecoder(parse_int=str, parse_float=str)
"""Finds where an object ends. Numbers stay text: Python refuses to convert 4,301 digits."""


def legible(text: str) -> str:
    """Return `text` as Postgres and JSON can hold it: without NUL and without half characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


_THOUGHT = re.compile(
    r"</(?:think(?:ing)?|thoughts?|reasoning)>|\[/THINK\]|\u25c1/think\u25b7|<channel\|>"
    r"|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
"""What ends a train of thought, as Qwen, DeepSeek, GLM, Kimi, Magistral, Gemma and gpt-oss mark it;
the template of some holds the beginning, so that only the end is written."""

_THINKING = re.compile(
    r"<(?:think(?:ing)?|thoughts?|reasoning)>|\[THINK\]|\u25c1think\u25b7|<\|channel>"
    r"|<\|channel\|>(?:analysis|commentary)",
    re.IGNORECASE,
)


class Spoken(BaseModel):
    """A schema whose answers are read from prose as well."""

    found_nothing: ClassVar[str] = "it holds no JSON object"
    """What is wrong with a text that has neither an object nor prose that can be read."""

    @classmethod
    def from_prose(cls, text: str) -> BaseModel | None:
        """Return what a text without JSON says; none where that is not certain.

        Args:
            text: At most `MOST_TEXT` characters, without the train of thought.

        Returns:
            An answer that users of this schema take, which may be of another class.
        """
        raise NotImplementedError


def parse_answer(
    text: str, schema: type[ParsedT], *, cut: bool = False
) -> tuple[ParsedT | None, str]:
    """Find the object that fits `schema` in prose, a code fence or after a train of thought.

    Where there is no object at all, a schema that is `Spoken` is asked what the prose says. Each
    character is decoded at most `_RESCANS` + 2 times, whatever stands in `text`. Depth and digits
    are bounded by the parsers: about 1,000 levels by Python's, 200 levels and 4,300 digits by
    pydantic's.

    Args:
        text: What the model wrote.
        schema: What the answer must fit.
        cut: Whether the text was cut off; its prose is then not read, for the end is missing.

    Returns:
        The answer, or None with what is wrong with the text.
    """
    if not text.strip():
        return None, "it is empty"
    decided, is_thought = _decided(text)
    found, broken = _objects(decided)
    spoken: type[Spoken] | None = schema if issubclass(schema, Spoken) else None
    problem = broken or (spoken or Spoken).found_nothing
    # The last one first: whoever thinks aloud decides at the end.
    for candidate in reversed(found):
        try:
            answer = schema.model_validate_json(candidate)
        except ValidationError as error:
            problem = broken or _first(error)
            continue
        # Of a list no item is decided for: some begin with the best, others end with it.
        is_list = _LIST.match(decided) and decided.rstrip("` \t\r\n").endswith("]")
        if is_list and candidate != found[0]:
            return None, "it is a list of several answers; give one object"
        return answer, ""
    if spoken and not (found or cut or is_thought or _START.search(decided)):
        said = spoken.from_prose(decided)
        if said is not None:
            return cast(ParsedT, said), ""
    return None, problem


def _decided(text: str) -> tuple[str, bool]:
    """Return what follows the train of thought, and whether a text is nothing but thought."""
    *_, end = (0, *(found.end() for found in _THOUGHT.finditer(text)))
    if text[end:].strip():
        return text[end:], _THINKING.search(text, end) is not None
    return text, True


def _objects(text: str) -> tuple[list[str], str | None]:
    """Return the JSON objects in `text` that lie in no other, and the first that is broken."""
    found: list[str] = []
    broken: str | None = None
    left, end = _RESCANS * len(text), 0
    while (begins := _START.search(text, end)) is not None:
        start = begins.start()
        try:
            _, end = _EXTENT.raw_decode(text, start)
            found.append(text[start:end])
        except (json.JSONDecodeError, RecursionError) as error:
            broken = broken or f"its JSON is broken or cut off ({error})"
            # Whatever is still open where the decoder gave up is broken as well, so looking inside
            # is worth only so much.
            stopped = error.pos if isinstance(error, json.JSONDecodeError) else len(text)
            left -= stopped - start
            end = start + 1 if left > 0 else max(stopped, start + 1)
    if broken is None and "{" in text and not found:
        broken = "its JSON is broken or cut off (no object in it begins with a quoted key)"
    return found, broken


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"])) or "the object"
    return f"{where}: {first['msg']}"


_WILL_NOT = re.compile(
    r"\b(?:i|we)(?:'m| am| are)?\s+"
    r"(?:can(?:no|')t|can not|won't|will not|unable to|not able to|not comfortable|must decline)"
    r".{0,40}?\b(?:help|assist|identify|comply|fulfil+|provide|support|do that|with that)\b",
    re.IGNORECASE | re.DOTALL,
)
"""What a refusal sounds like. "I cannot tell where this is" is an answer."""

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
    # Of any provider: a gateway passes on the words of whoever answered.
    refusals = frozenset[str]().union(*(row.refusals for row in PROVIDERS.values()))
    if isinstance(finish, str) and finish.lower() in refusals:
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


AnswerT = TypeVar("AnswerT", bound=BaseModel)

MOST_TEXT = 65_536
"""Characters of one answer that are read and kept, its last ones: about 16,000 tokens."""

MOST_NAME = 200
"""Characters of what a server calls its model or its build."""

MOST_TOKENS = 2**31
"""Tokens of one call, in or out. A larger count counts as unknown; a checkpoint refuses 2^64."""

_FINISHES = ("finish_reason", "done_reason", "stop_reason")
_CUT = frozenset({"length", "max_tokens", "MAX_TOKENS", "max_output_tokens"})


@dataclass(frozen=True, slots=True)
class ModelAnswer(Generic[AnswerT]):
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
    """What it wrote, as `ModelAnswer.texts` has it; of a tool call, the arguments."""
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
        ModelError: It is not a message of a model.
    """
    if not isinstance(raw, AIMessage):
        raise ModelError(f"it answered with {type(raw).__name__!r} instead of a message")
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
        return f"(arguments that are not JSON: {type(error).__name__}: {error})"


def _bounded(text: str) -> tuple[str, list[str]]:
    """Return what of a text is read and kept, and a note if that is not all."""
    if len(text) <= MOST_TEXT:
        return legible(text), []
    whole = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    # The end: whoever thinks aloud decides there.
    cut = f"cut to the last {MOST_TEXT:,} of {len(text):,} characters"
    note = f"the model's answer was {cut}; the rest was discarded"
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
        f"the server reports {_shown(value)} as {key}, which is impossible, so the count is treated"
        " as unknown"
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
