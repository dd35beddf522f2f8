"""What a model wrote, read in a schema: local servers often ignore the one they were given."""

from __future__ import annotations

import json
import re
from json import JSONDecoder
from typing import TypeVar

from pydantic import BaseModel, ValidationError

AnswerT = TypeVar("AnswerT", bound=BaseModel)

_START = re.compile(r'\{[ \t\r\n]*["}]')
"""Where a JSON object may begin. A brace of prose or code is seldom followed by a quote."""

_RESCANS = 8
"""How often the characters of a text are read again, on average, to look inside broken objects."""

_EXTENT = JSONDecoder(parse_int=str, parse_float=str)
"""Finds where an object ends. Numbers stay text: Python refuses to convert 4,301 digits."""


def legible(text: str) -> str:
    """Return `text` as Postgres and JSON can hold it: without NUL and without half characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def parse_answer(text: str, schema: type[AnswerT]) -> tuple[AnswerT | None, str]:
    """Find the object that fits `schema` in prose, a code fence or after a train of thought.

    Each character is decoded at most `_RESCANS` + 2 times, whatever stands in `text`. Depth and
    digits are bounded by the parsers: about 1,000 levels by Python's, 200 levels and 4,300 digits
    by pydantic's.

    Returns:
        The answer, and what is wrong with the text if there is none.
    """
    if not text.strip():
        return None, "it is empty"
    found, broken = _objects(text)
    problem = broken or "it holds no JSON object"
    # The last one first: whoever thinks aloud decides at the end.
    for candidate in reversed(found):
        try:
            return schema.model_validate_json(candidate), ""
        except ValidationError as error:
            problem = broken or _first(error)
    return None, problem


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
