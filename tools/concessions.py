"""What a question can do without, where a server refuses it: the schema's form, the temperature.

Each is given up once, and the answer says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from geofix.tools.failures import status_of, words_of

_REFUSED = frozenset({400, 404, 415, 422, 501})
_SCHEMA = re.compile(
    r"response_?format|json_?schema|structured.?output|guided|grammar|output_config|tool_choice"
    r"|does not support tools|responseJsonSchema|response_mime_type|invalid schema",
    re.IGNORECASE,
)
_TEMPERATURE = re.compile(r"temperature", re.IGNORECASE)

SCHEMA_IN_WORDS = "the server refused the answer's schema, so the model was told it in words"
NO_TEMPERATURE = "the model takes no temperature of ours, and answered at its own"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a server beyond the words."""

    schema: bool = True
    """Whether the schema goes along in the provider's own form."""
    temperature: float | None = None
    """None for the model's own."""


def conceded(asked: Asked, error: BaseException) -> tuple[Asked, str] | None:
    """Return what to ask instead, and a note of it; None if nothing can be given up."""
    said, status = words_of(error), status_of(error)
    # llama.cpp refuses a schema it cannot turn into a grammar with 500 in some versions.
    if status not in _REFUSED and not (status == 500 and "grammar" in said.lower()):
        return None
    if asked.temperature is not None and _TEMPERATURE.search(said):
        return replace(asked, temperature=None), NO_TEMPERATURE
    if asked.schema and _SCHEMA.search(said):
        return replace(asked, schema=False), SCHEMA_IN_WORDS
    return None
