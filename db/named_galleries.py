"""The galleries a search names, as the ids that stand beside the vectors, and what they hold."""

from __future__ import annotations

from sqlalchemy import Connection, Select, select

from geofix.db.errors import GalleryError
from geofix.db.models import CellCountRow, EncoderRow, GalleryRow
from geofix.db.search import Search


def gallery_ids(connection: Connection, search: Search) -> tuple[int, ...] | None:
    """Return the ids of the galleries to search; none where none is named, which means all.

    Raises:
        GalleryError: One that is named does not exist.
    """
    if not search.galleries:
        return None
    named = {row.name: int(row.id) for row in connection.execute(named_galleries())}
    unknown = sorted(set(search.galleries) - set(named))
    if unknown:
        known = ", ".join(map(repr, sorted(named))) or "none yet"
        raise GalleryError(f"there is no gallery {unknown[0]!r}; there is: {known}")
    return tuple(sorted(named[name] for name in search.galleries))


def named_galleries() -> Select[int, str]:
    """Select id and name of all there are."""
    return select(GalleryRow.id, GalleryRow.name)


def held(connection: Connection) -> set[tuple[int, str]]:
    """Return the galleries' ids and the encoders that there are vectors of."""
    statement = (
        select(CellCountRow.gallery_id, EncoderRow.name)
        .join(EncoderRow, EncoderRow.id == CellCountRow.encoder_id)
        .where(CellCountRow.photos > 0)
        .distinct()
    )
    return {(int(row[0]), str(row[1])) for row in connection.execute(statement)}
