"""What a model wrote, read in a schema: local servers often ignore the one they were given."""

from __future__ import annotations

import json
from json import JSONDecoder
from typing import TypeVar

from pydantic import BaseModel, ValidationError

AnswerT = TypeVar("AnswerT", bound=BaseModel)

MOST_STARTS = 50
"""Braces tried as the start of an object; prose full of them is not worth more."""


def legible(text: str) -> str:
    """Return `text` as Postgres and JSON can hold it: without NUL and without half characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def parse_answer(text: str, schema: type[AnswerT]) -> tuple[AnswerT | None, str]:
    """Find the object that fits `schema` in prose, a code fence or after a train of thought.

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
    decoder = JSONDecoder()
    found: list[str] = []
    broken: str | None = None
    start = text.find("{")
    for _ in range(MOST_STARTS):
        if start < 0:
            break
        try:
            _, end = decoder.raw_decode(text, start)
            found.append(text[start:end])
        except (json.JSONDecodeError, RecursionError) as error:
            end = start + 1
            broken = broken or f"its JSON is broken or cut off ({error})"
        start = text.find("{", end)
    return found, broken


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"])) or "the object"
    return f"{where}: {first['msg']}"
