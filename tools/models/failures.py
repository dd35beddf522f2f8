"""What an exception of a client says: status, headers, words, and whether to try again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from geofix.db.plain_text import one_line, without
from geofix.tools.models.privacy import pictures_in, secrets_of

MAX_REASON = 300
"""Characters of an error that are kept; some servers quote the whole request, photo included."""

MOST_READ = 20_000
"""Characters of an error that are looked at: clients quote a whole response."""

_NO_IMAGES = re.compile(
    r"mmproj"
    r"|image input[^.]{0,20} (?:is not supported|not supported)"
    r"|(?:does not|doesn't|not) support (?:image|vision|multimodal)"
    r"|(?:is )?not (?:a )?multi-?modal"
    r"|at most 0 image"
    r"|support image input"
    r"|required for image input"
    r"|image_url.{0,20} is only supported by certain models"
    r"|unknown variant .?image",
    re.IGNORECASE,
)
"""llama.cpp, LM Studio, Ollama, vLLM, OpenRouter, OpenAI and DeepSeek, in that order."""

_CUT_OFF = frozenset(
    {"RemoteProtocolError", "ReadError", "WriteError", "ConnectionResetError", "BrokenPipeError"}
)
"""Connections that broke, as httpx, httpx2 and sockets name them."""


def chain(error: BaseException, *, hidden: bool = False) -> Iterator[BaseException]:
    """Yield an exception and what caused it, outermost first.

    Args:
        error: Where to begin.
        hidden: Whether also what a client hides with `from None`.
    """
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        yield one
        seen.append(one)
        context = None if one.__suppress_context__ and not hidden else one.__context__
        one = one.__cause__ or context


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status a client failed with, whatever it calls it."""
    for one in chain(error):
        for name in ("status_code", "code"):
            value = getattr(one, name, None)
            if isinstance(value, int) and 100 <= value < 600:
                return value
    return None


def header_of(error: BaseException, name: str) -> str:
    """Return a header of the response a client failed with; empty if there is none."""
    # Ollama's client hides the response.
    for one in chain(error, hidden=True):
        headers: Any = getattr(getattr(one, "response", None), "headers", None)
        if headers is not None and (value := headers.get(name)):
            return str(value)
    return ""


def is_cut_off(error: BaseException) -> bool:
    """Tell whether the connection broke after it had been made."""
    return any(type(one).__name__ in _CUT_OFF for one in chain(error))


def is_time_out(error: BaseException) -> bool:
    """Tell whether nothing came for too long."""
    return any("timeout" in type(one).__name__.lower() for one in chain(error))


def takes_no_images(error: BaseException, messages: Sequence[BaseMessage]) -> bool:
    """Tell whether the model or its server failed because it was shown a picture."""
    status = status_of(error)
    if status is None or status in {401, 403, 429} or not any(pictures_in(messages)):
        return False
    return _NO_IMAGES.search(words_of(error)) is not None


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]|\\/){200,}+={0,2}")
"""A picture or a part of one; no key is as long."""


def without_base64(text: str) -> str:
    """Return a text with what may be a picture left out: servers quote requests in errors."""
    return _BASE64.sub("(base64 left out)", text)


def words_of(error: BaseException) -> str:
    """Return what an exception and its causes say, on one line.

    `Connection error.` alone does not say why; what caused it does.
    """
    lines = [" ".join(str(one)[:MOST_READ].split()) for one in chain(error)]
    return " / ".join(dict.fromkeys(line for line in lines if line))


def reason_of(error: BaseException, model: BaseChatModel) -> str:
    """Return a short reason fit for the trail: legible, and without the model's keys."""
    words = without_base64(words_of(error))
    said = one_line(without(words, *secrets_of(model)))[:MAX_REASON]
    return f"{type(error).__name__}: {said}"


WAITS_S = (0.5, 2.0)
"""Seconds before the second and the third try, where the server does not say how long to wait."""

LONGEST_WAIT_S = 20.0
"""A server that wants a longer pause is given up on."""

QUICK_S = 10.0
"""Only a failure this quick is tried again; a time-out is not worth a second one."""


def wait_s(error: BaseException, tries: int, took_s: float) -> float | None:
    """Return how long to wait before the next try; None if there is to be none.

    Args:
        error: What a client raised.
        tries: How often the question was tried again already.
        took_s: How long this try took, seconds.
    """
    if took_s > QUICK_S or tries >= len(WAITS_S) or not _may_pass(error):
        return None
    asked_for = retry_after_s(header_of(error, "retry-after"))
    wait = WAITS_S[tries] if asked_for is None else asked_for
    return wait if wait <= LONGEST_WAIT_S else None


def retry_after_s(header: str) -> float | None:
    """Return the pause a server asks for, in seconds: it names them, or a date (RFC 9110)."""
    try:
        return max(0.0, float(header))
    except ValueError:
        pass  # No number, so perhaps a date.
    try:
        when = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # A date without a zone is in UTC.
    moment = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _may_pass(error: BaseException) -> bool:
    status = status_of(error)
    if status is not None:
        return status == 429 or status >= 500
    return is_cut_off(error) and not is_time_out(error)
