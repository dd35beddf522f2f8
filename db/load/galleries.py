"""Lists, creates and removes galleries, encoders and partitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.load.index_build import write_alone
from geofix.db.load.index_lifecycle import finish_load
from geofix.db.search.counts import forget_gallery
from geofix.db.search.gallery import galleries_with_vectors
from geofix.db.stores import forget_features
from geofix.db.tables import EncoderRow, GalleryRow, PhotoRow


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
    statement = (
        select(
            GalleryRow.id,
            GalleryRow.name,
            func.count(PhotoRow.id).label("photos"),
            func.count(PhotoRow.country.distinct()).label("countries"),
            func.array_agg(PhotoRow.licence.distinct()).label("licences"),
            GalleryRow.created_at,
        )
        .outerjoin(PhotoRow, PhotoRow.gallery_id == GalleryRow.id)
        .group_by(GalleryRow.id)
        .order_by(GalleryRow.name)
    )
    with database_errors(engine), engine.connect() as connection:
        rows = connection.execute(statement).all()
        there = galleries_with_vectors(connection)
    return [
        GallerySummary(
            name=row.name,
            photos=row.photos,
            countries=row.countries,
            encoders=tuple(sorted(encoder for gallery, encoder in there if gallery == row.id)),
            licences=tuple(licence for licence in row.licences if licence),
            created_at=row.created_at,
        )
        for row in rows
    ]


def remove_gallery(engine: Engine, name: str) -> int:
    """Remove a gallery with its photos and vectors; return the number of photos.

    Raises:
        GalleryError: There is none of that name.
    """
    with database_errors(engine), engine.begin() as connection:
        write_alone(connection)
        gallery_id = connection.execute(
            select(GalleryRow.id).where(GalleryRow.name == name)
        ).scalar()
        if gallery_id is None:
            known = connection.execute(select(GalleryRow.name)).scalars().all()
            listed = ", ".join(map(repr, sorted(known))) or "none"
            raise GalleryError(f"there is no gallery {name!r}; the galleries are: {listed}")
        ours = select(func.count(PhotoRow.id)).where(PhotoRow.gallery_id == gallery_id)
        photos = connection.execute(ours).scalar_one()
        connection.execute(delete(PhotoRow).where(PhotoRow.gallery_id == gallery_id))
        forget_features(connection)
        encoder_ids = forget_gallery(connection, gallery_id)
        names = select(EncoderRow.name).where(EncoderRow.id.in_(encoder_ids))
        encoders = connection.execute(names).scalars().all()
        connection.execute(delete(GalleryRow).where(GalleryRow.id == gallery_id))
    for encoder in sorted(encoders):
        finish_load(engine, encoder)
    return int(photos)


def encoder_id_of(connection: Connection, name: str, dimension: int) -> int:
    """Return the id of an encoder, which is added if it is new.

    Raises:
        GalleryError: Its stored vectors have another dimension.
    """
    known = select(EncoderRow.id, EncoderRow.dimension).where(EncoderRow.name == name)
    row = connection.execute(known).first()
    if row is None:
        # Only now: an insert that meets a conflict uses up one of 32,767 ids all the same.
        new = insert(EncoderRow).values(name=name, dimension=dimension)
        connection.execute(new.on_conflict_do_nothing())
        row = connection.execute(known).one()
    if row.dimension != dimension:
        raise GalleryError(
            f"encoder {name!r} gave vectors of {dimension!r} dimensions, but its stored vectors"
            f" have {row.dimension!r}; give different weights a different name"
        )
    return int(row.id)


def ensure_partition(connection: Connection, encoder: str, dimension: int) -> int:
    """Return the id of an encoder, whose partition is created if it is missing."""
    partition = text("select to_regclass('embeddings_' || id) from encoders where name = :encoder")
    if connection.execute(partition, {"encoder": encoder}).scalar() is not None:
        return encoder_id_of(connection, encoder, dimension)
    # What attaching will lock, before the insert locks less: upgrading a lock can deadlock.
    connection.execute(text("lock table encoders in share row exclusive mode"))
    encoder_id = encoder_id_of(connection, encoder, dimension)
    # Attached and not `partition of`, which would make every search wait for the end of the load.
    connection.execute(
        text(
            f"create table embeddings_{encoder_id:d} (like embeddings including storage,"
            f" constraint embeddings_{encoder_id:d}_dimension_check"
            f" check (vector_dims(embedding) = {dimension:d}))"
        )
    )
    connection.execute(
        text(
            f"alter table embeddings attach partition embeddings_{encoder_id:d}"
            f" for values in ({encoder_id:d})"
        )
    )
    return encoder_id


def are_present(connection: Connection, gallery: str, encoder: str) -> bool:
    """Return whether the gallery, the encoder and the encoder's partition exist."""
    there = select(GalleryRow.id).where(GalleryRow.name == gallery).exists()
    partition = func.to_regclass(func.concat("embeddings_", EncoderRow.id))
    known = select(EncoderRow.id).where(EncoderRow.name == encoder, partition.is_not(None)).exists()
    return bool(connection.execute(select(there & known)).scalar())


def gallery_id_of(connection: Connection, name: str) -> int:
    """Return the id of a gallery, which is created if it does not exist."""
    connection.execute(insert(GalleryRow).values(name=name).on_conflict_do_nothing())
    statement = select(GalleryRow.id).where(GalleryRow.name == name)
    return int(connection.execute(statement).scalar_one())
