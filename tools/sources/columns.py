"""Which column of a table is which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from geofix.tools.errors import SourceError

ALIASES = {
    "path": (
        *("path", "file", "filename", "file_name", "filepath", "image", "image_path", "img_path"),
        *("impath", "img_id"),
    ),
    "latitude": ("latitude", "lat", "gps_latitude", "gps_lat"),
    "longitude": ("longitude", "lon", "lng", "long", "gps_longitude", "gps_lon", "gps_lng"),
    "id": ("id", "external_id", "img_id", "image_id", "photo_id", "photoid"),
    "author": ("author", "creator_username", "username", "user_name", "ownernsid", "usernsid"),
    "licence": ("licence", "license", "licensename", "license_name"),
    "attribution": ("attribution", "credit"),
    "captured_at": (
        *("captured_at", "captured at", "taken_at", "datetaken", "date_taken", "date"),
        "timestamp",
    ),
    "accuracy_km": ("accuracy_km",),
    "embedding": ("embedding", "embeddings", "vector", "features"),
}
"""Our name of a column, and what published sets call it, in this order; case is ignored."""

REQUIRED = ("path", "latitude", "longitude")


def find_columns(
    table: Path,
    header: Sequence[str],
    columns: Mapping[str, str] | None = None,
    required: Sequence[str] = REQUIRED,
) -> dict[str, int]:
    """Return where each of our columns is in a table.

    Args:
        table: For the error only.
        header: The table's own names.
        columns: Our name of a column to the table's; goes before `ALIASES`.
        required: Our names of those that have to be there.

    Raises:
        SourceError: One that is needed or named is missing, or one is there twice.
    """
    columns = columns or {}
    check_names(columns)
    there = [name.lower() for name in header]
    listed = f"it has {', '.join(map(repr, header)) or 'none'}"
    found: dict[str, int] = {}
    for name, aliases in ALIASES.items():
        if name in columns and columns[name].lower() not in there:
            raise SourceError(
                f"the table {str(table)!r} has no column {columns[name]!r} to take {name!r} from;"
                f" {listed}"
            )
        wanted = (columns[name].lower(),) if name in columns else aliases
        used = next((alias for alias in wanted if alias in there), None)
        if used is None and name in required:
            raise SourceError(
                f"the table {str(table)!r} has no column {name!r}; {listed}: say which one it is"
                f" with --column {name}=NAME"
            )
        if used is None:
            continue
        found[name] = _place(table, header, columns.get(name), used)
    return found


def check_names(columns: Mapping[str, str]) -> None:
    """Refuse a mapping from names that are not ours.

    Raises:
        SourceError: There is such a name.
    """
    unknown = next((name for name in columns if name not in ALIASES), None)
    if unknown is not None:
        raise SourceError(f"there is no column {unknown!r} to map; there are {', '.join(ALIASES)}")


def _place(table: Path, header: Sequence[str], mapped: str | None, used: str) -> int:
    # A table may tell 'LAT' from 'lat'; what was spelled exactly is meant.
    if mapped is not None and header.count(mapped) == 1:
        return header.index(mapped)
    there = [name.lower() for name in header]
    if there.count(used) > 1:
        listed = ", ".join(map(repr, header))
        raise SourceError(
            f"the table {str(table)!r} has the column {used!r} twice; it has {listed}"
        )
    return there.index(used)
