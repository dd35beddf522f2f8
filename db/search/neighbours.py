"""From ranked vectors to photos: one of each picture, and where the picture asked about is itself.

Two galleries can hold the same picture. A search finds it once, or it would vote twice; which of
its copies is shown depends on where the picture can be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from sqlalchemy import ARRAY, BigInteger, Connection, bindparam, func, select

from geofix.db.search.query import Neighbour, Search, StoredCopy
from geofix.db.search.similarity import Ranked
from geofix.db.stores import SAMPLE_PACKAGE
from geofix.db.tables import GalleryRow, PhotoRow

PHOTO_COLUMNS = (
    "latitude", "longitude", "accuracy_km", "country", "source", "external_id", "author",
    "licence", "attribution",
)  # fmt: skip

# Built once: putting a statement together takes longer than Postgres needs to answer it.
PHOTOS = (
    select(
        PhotoRow.id,
        PhotoRow.sha256,
        PhotoRow.location,
        GalleryRow.name.label("gallery"),
        *(getattr(PhotoRow, name) for name in PHOTO_COLUMNS),
    )
    .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
    .where(PhotoRow.id == func.any(bindparam("ids", type_=ARRAY(BigInteger))))
)

COPY_COLUMNS = ("source", "external_id", "latitude", "longitude", "accuracy_km")


class Dropped(TypedDict):
    """How many photos a search left out, by reason; see `How`."""

    twins: int
    own: int
    removed: int


def distinct_neighbours(
    connection: Connection, ranked: Ranked, k: int, search: Search, sign: float
) -> tuple[list[Neighbour], Dropped]:
    """Return the photos of the first `k` unlike pictures: one in two galleries has one vote.

    Of twins the one whose picture is on this machine is returned, since only it can be looked at
    and matched point by point; else the one that comes first. With how many were left out before
    the last of them, by reason: as `How` names them.

    Args:
        connection: To where the photos are.
        ranked: Photo ids and distances, closest first.
        k: How many.
        search: What was asked; its own picture is left out.
        sign: 1 where distance is from the query, -1 where it is from its opposite.
    """
    ids = [photo_id for photo_id, _ in ranked]
    photos = {row.id: row for row in connection.execute(PHOTOS, {"ids": ids})}
    best = _best_of_twins([photos[photo_id] for photo_id in ids if photo_id in photos])
    unlike: dict[object, Neighbour] = {}
    dropped = Dropped(twins=0, own=0, removed=0)
    for photo_id, distance in ranked:
        if len(unlike) == k:
            break
        photo = photos.get(photo_id)
        # Removed since, or left without its photo by a load that was killed.
        if photo is None:
            dropped["removed"] += 1
            continue
        if photo.sha256 is not None and photo.sha256 == search.without_sha256:
            dropped["own"] += 1
            continue
        picture = photo.sha256 or photo_id
        if picture in unlike:
            dropped["twins"] += 1
            continue
        shown = best.get(photo.sha256, photo)
        unlike[picture] = Neighbour(
            photo_id=shown.id,
            # float() because numpy scalars cannot be checkpointed (DESIGN.md section 3).
            similarity=float(sign * (1.0 - distance)),
            gallery=shown.gallery,
            **{name: getattr(shown, name) for name in PHOTO_COLUMNS},
        )
    return list(unlike.values()), dropped


def _best_of_twins(photos: Sequence[Any]) -> dict[str, Any]:
    """Return of each picture that is there more than once the copy to show, by its hash."""
    twins: dict[str, list[Any]] = {}
    for photo in photos:
        if photo.sha256 is not None:
            twins.setdefault(photo.sha256, []).append(photo)
    # Asks the file system only where there is a choice; `max` takes the first of equals.
    return {
        picture: max(copies, key=lambda copy: is_here(copy.source, copy.location))
        for picture, copies in twins.items()
        if len(copies) > 1
    }


def is_here(source: str, location: str | None) -> bool:
    """Say whether a photo's picture is on this machine.

    Args:
        source: Name of the collection that it comes from.
        location: Path of its file when it was ingested, if the gallery knows one.
    """
    if location is None:
        return source == SAMPLE_PACKAGE
    try:
        return Path(location).is_file()
    except (OSError, ValueError):
        # A location is text from outside: too long for a path, or with a NUL in it.
        return False


def stored_copies(
    connection: Connection, sha256: str, galleries: tuple[str, ...], most: int
) -> list[StoredCopy]:
    """Return the photos with these bytes, the first that was stored first.

    Args:
        connection: To where the photos are.
        sha256: Of the file, in hex.
        galleries: Names of the galleries to look in; none means all.
        most: How many at most.
    """
    copies = (
        select(
            GalleryRow.name.label("gallery"), *(getattr(PhotoRow, name) for name in COPY_COLUMNS)
        )
        .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
        .where(PhotoRow.sha256 == sha256)
        .order_by(PhotoRow.id)
        .limit(most)
    )
    if galleries:
        copies = copies.where(GalleryRow.name.in_(galleries))
    return [StoredCopy(**row) for row in connection.execute(copies).mappings()]
