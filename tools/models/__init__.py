"""Chat models that take images: found, asked, bounded, and what they answer."""

from __future__ import annotations

from collections.abc import Mapping

COUNTED = ("input_tokens", "output_tokens")
"""Counts without which the spending of a call is unknown. What a server had cached is among the
first."""


def tokens_in_all(counts: Mapping[str, int]) -> int:
    """Return the tokens of a call, in and out; a count that is not there is 0."""
    return sum(counts.get(kind, 0) for kind in COUNTED)
