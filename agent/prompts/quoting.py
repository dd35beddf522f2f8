"""Names from outside, made fit to stand in a prompt: data there, never a line of its own."""

from __future__ import annotations

import unicodedata

MOST = 100
"""Characters of a name; the longest place names of GeoNames with state and country fit."""

BREAKING = frozenset({"C", "Z"})
"""Unicode's controls, formats and separators: what ends a line, hides or turns text around."""


def quoted(name: str) -> str:
    """Return a name in quotes, on one line, without control characters, cut to `MOST`."""
    plain = "".join(" " if unicodedata.category(sign)[0] in BREAKING else sign for sign in name)
    line = " ".join(plain.split()).replace('"', "'")
    cut = line if len(line) <= MOST else line[: MOST - 1].rstrip() + "…"
    return f'"{cut}"'
