"""What is asked of a server beyond the words, and what of it is given up where it is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from geofix.tools.models.failures import status_of, words_of

_REFUSED = frozenset({400, 404, 415, 422, 501})
_SCHEMA = re.compile(
    r"response_?format|json_?schema|structured.?output|guided|grammar|output_config|tool_choice"
    r"|does not support tools|responseJsonSchema|response_mime_type|invalid schema",
    re.IGNORECASE,
)
_TEMPERATURE = re.compile(r"temperature", re.IGNORECASE)

_LENGTH = re.compile(
    r"max_?(?:completion_|output_|new_)?tokens|num_predict|context (?:length|window)", re.IGNORECASE
)

SCHEMA_IN_WORDS = "the server rejected the answer's schema, so the schema was put into the prompt"
NO_TEMPERATURE = "the model does not accept a temperature and used its own"
NO_LIMIT = "the server rejected the limit on the answer's tokens, so the model's own limit held"


@dataclass(frozen=True, slots=True)
class Demands:
    """What is asked of a server beyond the words."""

    schema: bool = True
    """Whether the schema goes along in the provider's own form."""
    temperature: float | None = None
    """None for the model's own."""
    answer_tokens: int | None = None
    """Most tokens of the answer; None for the model's own limit."""


def conceded(demands: Demands, error: BaseException) -> tuple[Demands, str] | None:
    """Return what to ask instead, and a note of it; None if nothing can be given up."""
    said, status = words_of(error), status_of(error)
    # llama.cpp refuses a schema it cannot turn into a grammar with 500 in some versions.
    if status not in _REFUSED and not (status == 500 and "grammar" in said.lower()):
        return None
    if demands.temperature is not None and _TEMPERATURE.search(said):
        return replace(demands, temperature=None), NO_TEMPERATURE
    if demands.schema and _SCHEMA.search(said):
        return replace(demands, schema=False), SCHEMA_IN_WORDS
    # A server whose context is short counts the longest answer beside the question.
    if demands.answer_tokens is not None and _LENGTH.search(said):
        return replace(demands, answer_tokens=None), NO_LIMIT
    return None
