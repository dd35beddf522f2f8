"""Which galleries there are, and how to remove one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, func, select

from geofix.db.centring import refresh_centring
from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.models import EmbeddingRow, EncoderRow, GalleryRow, PhotoRow


@dataclass(frozen=True, slots=True)
class GallerySummary:
    """One gallery at a glance."""

    name: str
    photos: int
    countries: int
    encoders: tuple[str, ...]
    licences: tuple[str, ...]
    created_at: datetime


def list_galleries(engine: Engine) -> list[GallerySummary]:
    """Return every gallery, by name."""
    encoders = (
        select(func.array_agg(EncoderRow.name.distinct()))
        .join(EmbeddingRow, EmbeddingRow.encoder_id == EncoderRow.id)
        .join(PhotoRow, PhotoRow.id == EmbeddingRow.photo_id)
        .where(PhotoRow.gallery_id == GalleryRow.id)
        .correlate(GalleryRow)
        .scalar_subquery()
    )
    statement = (
        select(
            GalleryRow.name,
            func.count(PhotoRow.id).label("photos"),
            func.count(PhotoRow.country.distinct()).label("countries"),
            encoders.label("encoders"),
            func.array_agg(PhotoRow.licence.distinct()).label("licences"),
            GalleryRow.created_at,
        )
        .outerjoin(PhotoRow, PhotoRow.gallery_id == GalleryRow.id)
        .group_by(GalleryRow.id)
        .order_by(GalleryRow.name)
    )
    with database_errors(engine), engine.connect() as connection:
        rows = connection.execute(statement).all()
    return [
        GallerySummary(
            name=row.name,
            photos=row.photos,
            countries=row.countries,
            encoders=tuple(row.encoders or ()),
            licences=tuple(licence for licence in row.licences if licence),
            created_at=row.created_at,
        )
        for row in rows
    ]


def remove_gallery(engine: Engine, name: str) -> int:
    """Remove a gallery with its photos and vectors; say how many photos went.

    Raises:
        GalleryError: There is none of that name.
    """
    with database_errors(engine), engine.begin() as connection:
        gallery_id = connection.execute(
            select(GalleryRow.id).where(GalleryRow.name == name)
        ).scalar()
        if gallery_id is None:
            known = connection.execute(select(GalleryRow.name)).scalars().all()
            listed = ", ".join(map(repr, sorted(known))) or "none"
            raise GalleryError(f"there is no gallery {name!r}; there is: {listed}")
        ours = select(PhotoRow.id).where(PhotoRow.gallery_id == gallery_id)
        touched = connection.execute(
            select(EmbeddingRow.encoder_id).where(EmbeddingRow.photo_id.in_(ours)).distinct()
        ).scalars()
        encoder_ids = list(touched)
        photos = connection.execute(select(func.count()).select_from(ours.subquery())).scalar_one()
        connection.execute(delete(GalleryRow).where(GalleryRow.id == gallery_id))
        for encoder_id in encoder_ids:
            refresh_centring(connection, encoder_id)
    return int(photos)
