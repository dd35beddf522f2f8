"""From what a search of vectors found to the photos themselves."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy import ARRAY, BigInteger, Connection, bindparam, func, select

from geofix.db.closest import Ranked
from geofix.db.models import GalleryRow, PhotoRow
from geofix.db.search import Neighbour, Search

COLUMNS = (
    "latitude", "longitude", "accuracy_km", "country", "source", "external_id", "author",
    "licence", "attribution",
)  # fmt: skip

# Built once: putting a statement together takes longer than Postgres needs to answer it.
PHOTOS = (
    select(
        PhotoRow.id,
        PhotoRow.sha256,
        GalleryRow.name.label("gallery"),
        *(getattr(PhotoRow, name) for name in COLUMNS),
    )
    .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
    .where(PhotoRow.id == func.any(bindparam("ids", type_=ARRAY(BigInteger))))
)


class Dropped(TypedDict):
    """How many photos a search left out, by reason; see `How`."""

    twins: int
    own: int
    removed: int


def neighbours(
    connection: Connection, ranked: Ranked, k: int, search: Search, sign: float
) -> tuple[list[Neighbour], Dropped]:
    """Return the photos of the first `k` unlike pictures: one in two galleries has one vote.

    With how many were left out before the last of them, by reason: as `How` names them.

    Args:
        connection: To where the photos are.
        ranked: Photo ids and distances, closest first.
        k: How many.
        search: What was asked; its own picture is left out.
        sign: 1 where distance is from the query, -1 where it is from its opposite.
    """
    ids = [photo_id for photo_id, _ in ranked]
    photos = {row[0]: row for row in connection.execute(PHOTOS, {"ids": ids})}
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
        _, sha256, gallery, *columns = photo
        picture = sha256 or photo_id
        if sha256 is not None and sha256 == search.without_sha256:
            dropped["own"] += 1
            continue
        if picture in unlike:
            dropped["twins"] += 1
            continue
        unlike[picture] = Neighbour(
            photo_id=photo_id,
            # float() because numpy scalars cannot be checkpointed (DESIGN.md section 3).
            similarity=float(sign * (1.0 - distance)),
            gallery=gallery,
            **dict(zip(COLUMNS, columns, strict=True)),
        )
    return list(unlike.values()), dropped
