"""A JSON schema, bounded: a model that repeats itself must come to the end of its answer."""

from __future__ import annotations

from typing import Any

MOST_ITEMS = 16
"""Of an array whose schema sets no limit."""

LARGEST_NUMBER = 1e6
"""Of a number whose schema sets no limit. A number with limits also has at most six decimals."""

LONGEST_STRING = 500
"""Characters of a string whose schema sets no limit."""

LONGEST_IN_GRAMMAR = 64
"""A longer `maxLength` is counted while decoding instead: one of 300 took xgrammar 0.2.8 87 s to
compile for 136,000 tokens, and 80 ms at every token."""

_LITERAL = frozenset({"const", "default", "enum", "examples"})


def bounded(schema: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the schema with limits where it has none, and the longest string in characters.

    Where the schema limits long strings itself, the smallest limit counts for all of them.
    """
    longest = [LONGEST_STRING]
    made: dict[str, Any] = _bounded(schema, longest)
    return made, min(longest)


def field_names(part: Any) -> list[str]:
    """Return the names of all fields a schema has, nested ones included."""
    if isinstance(part, list):
        return [name for one in part for name in field_names(one)]
    if not isinstance(part, dict):
        return []
    own = part.get("properties")
    names = list(own) if isinstance(own, dict) else []
    return names + field_names(list(part.values()))


def _bounded(part: Any, longest: list[int]) -> Any:
    if isinstance(part, list):
        return [_bounded(one, longest) for one in part]
    if not isinstance(part, dict):
        return part
    made = {
        key: value if key in _LITERAL else _bounded(value, longest) for key, value in part.items()
    }
    kinds = made.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "array" in kinds:
        made.setdefault("maxItems", max(MOST_ITEMS, made.get("minItems", 0)))
    if "number" in kinds and not made.keys() & {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
    }:
        made |= {"minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
    if "string" in kinds and made.get("maxLength", 0) > LONGEST_IN_GRAMMAR:
        longest.append(made.pop("maxLength"))
    return made
