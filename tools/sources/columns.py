"""Which column of a table is which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from geofix.tools.errors import SourceError

ALIASES = {
    "path": ("path", "file", "filename", "image"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng", "long"),
    "id": ("id", "external_id"),
    "author": ("author",),
    "licence": ("licence", "license"),
    "attribution": ("attribution",),
    "captured_at": ("captured_at", "captured at", "taken_at", "date"),
    "accuracy_km": ("accuracy_km",),
}
"""Our name of a column, and what else it may be called, in this order; case is ignored."""

REQUIRED = ("path", "latitude", "longitude")


def find_columns(table: Path, header: Sequence[str]) -> dict[str, int]:
    """Return where each of our columns is in a table.

    Args:
        table: For the error only.
        header: The table's own names.

    Raises:
        SourceError: One that is needed is missing, or one is there twice.
    """
    there = [name.lower() for name in header]
    listed = f"it has {', '.join(map(repr, header)) or 'none'}"
    found: dict[str, int] = {}
    for name, aliases in ALIASES.items():
        used = next((alias for alias in aliases if alias in there), None)
        if used is None and name in REQUIRED:
            raise SourceError(f"the table {str(table)!r} has no column {name!r}; {listed}")
        if used is None:
            continue
        if there.count(used) > 1:
            raise SourceError(f"the table {str(table)!r} has the column {used!r} twice; {listed}")
        found[name] = there.index(used)
    return found
