"""Vectors in: COPY into a staging table, merge, and bring the centring up to date.

Everything of one call happens in one transaction: a call that is killed leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.dialects.postgresql import insert

from geofix.db.centring import refresh_centring
from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.models import EmbeddingRow, EncoderRow, GalleryRow, PhotoRow


@dataclass(frozen=True, slots=True)
class GeotaggedPhoto:
    """What the gallery keeps of one photo, its vector apart."""

    source: str
    external_id: str
    latitude: float
    longitude: float
    accuracy_km: float = 0.0
    country: str | None = None
    author: str | None = None
    licence: str | None = None
    attribution: str | None = None
    captured_at: datetime | None = None
    sha256: str | None = None
    location: str | None = None


COLUMNS = tuple(field.name for field in fields(GeotaggedPhoto))

TYPES = {
    "latitude": "float8",
    "longitude": "float8",
    "accuracy_km": "float4",
    "captured_at": "timestamptz",
}
"""Binary COPY takes no type but the column's own; what is not named here is text."""


class Ingest:
    """Puts photos and their vectors into a gallery."""

    def __init__(self, engine: Engine) -> None:
        """Write into the database that `engine` reaches."""
        self._engine = engine

    def known(self, gallery: str, source: str, encoder: str) -> dict[str, str | None]:
        """Return the sha256 by external id of what is there already and need not be embedded."""
        statement = (
            select(PhotoRow.external_id, PhotoRow.sha256)
            .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
            .join(EmbeddingRow, EmbeddingRow.photo_id == PhotoRow.id)
            .join(EncoderRow, EncoderRow.id == EmbeddingRow.encoder_id)
            .where(
                GalleryRow.name == gallery, PhotoRow.source == source, EncoderRow.name == encoder
            )
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            return {row.external_id: row.sha256 for row in connection.execute(statement)}

    def add(
        self,
        gallery: str,
        encoder: str,
        photos: Sequence[GeotaggedPhoto],
        vectors: NDArray[np.float32],
    ) -> int:
        """Add photos, or bring them up to date where (source, external id) is there already.

        Args:
            gallery: Its name; made if there is none of that name.
            encoder: Name of the encoder that made the vectors.
            photos: In the order of `vectors`.
            vectors: `[n, dimension]`, L2-normalised.

        Returns:
            How many photos were new.

        Raises:
            GalleryError: The encoder is known with another dimension, or a vector is not finite.
        """
        if len(photos) != len(vectors):
            raise GalleryError(f"{len(photos)!r} photos came with {len(vectors)!r} vectors")
        if not np.isfinite(vectors).all():
            raise GalleryError(f"encoder {encoder!r} gave a vector that is not finite; not stored")
        if not len(photos):
            return 0
        with database_errors(self._engine), self._engine.begin() as connection:
            encoder_id = _encoder_id(connection, encoder, int(vectors.shape[1]))
            gallery_id = _gallery_id(connection, gallery)
            _copy(connection, photos, vectors)
            new = _merge_photos(connection, gallery_id)
            _merge_vectors(connection, gallery_id, encoder_id)
            return new

    def finish(self, encoder: str) -> None:
        """Compute the encoder's centring anew; call it once, when a load is done."""
        with database_errors(self._engine), self._engine.begin() as connection:
            encoder_id = connection.execute(
                select(EncoderRow.id).where(EncoderRow.name == encoder)
            ).scalar()
            if encoder_id is not None:
                connection.execute(text("set local statement_timeout = 0"))
                refresh_centring(connection, encoder_id)


def _encoder_id(connection: Connection, name: str, dimension: int) -> int:
    connection.execute(
        insert(EncoderRow).values(name=name, dimension=dimension).on_conflict_do_nothing()
    )
    row = connection.execute(
        select(EncoderRow.id, EncoderRow.dimension).where(EncoderRow.name == name)
    ).one()
    if row.dimension != dimension:
        raise GalleryError(
            f"encoder {name!r} is known with {row.dimension!r} dimensions and now gave"
            f" {dimension!r}; give other weights another name"
        )
    connection.execute(
        text(
            f"create table if not exists embeddings_{row.id:d} partition of embeddings"
            f" (constraint embeddings_{row.id:d}_dimension_check"
            f"  check (vector_dims(embedding) = {dimension:d}))"
            f" for values in ({row.id:d})"
        )
    )
    return int(row.id)


def _gallery_id(connection: Connection, name: str) -> int:
    connection.execute(insert(GalleryRow).values(name=name).on_conflict_do_nothing())
    statement = select(GalleryRow.id).where(GalleryRow.name == name)
    return int(connection.execute(statement).scalar_one())


def _copy(
    connection: Connection, photos: Sequence[GeotaggedPhoto], vectors: NDArray[np.float32]
) -> None:
    columns = ", ".join(f"{name} {TYPES.get(name, 'text')}" for name in COLUMNS)
    connection.execute(
        text(f"create temp table staging ({columns}, embedding halfvec) on commit drop")
    )
    driver = connection.connection.driver_connection
    if driver is None:
        raise GalleryError("the connection was closed under a load; run it again")
    register_vector(driver)
    types = [*(TYPES.get(name, "text") for name in COLUMNS), "halfvec"]
    with driver.cursor() as cursor, cursor.copy("copy staging from stdin (format binary)") as copy:
        copy.set_types(types)
        for photo, vector in zip(photos, vectors, strict=True):
            values = [getattr(photo, name) for name in COLUMNS]
            copy.write_row([*values, HalfVector(vector)])


def _merge_photos(connection: Connection, gallery_id: int) -> int:
    names = ", ".join(COLUMNS)
    updates = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:])
    merged = connection.execute(
        text(
            f"with merged as (insert into photos (gallery_id, {names})"
            f" select :gallery_id, {names} from staging"
            f" on conflict (gallery_id, source, external_id) do update set {updates}"
            " returning xmax = 0 as new) select count(*) from merged where new"
        ),
        {"gallery_id": gallery_id},
    )
    return int(merged.scalar_one())


def _merge_vectors(connection: Connection, gallery_id: int, encoder_id: int) -> None:
    connection.execute(
        text(
            "insert into embeddings (encoder_id, photo_id, embedding)"
            " select :encoder_id, photos.id, staging.embedding from staging"
            " join photos using (source, external_id) where photos.gallery_id = :gallery_id"
            " on conflict (encoder_id, photo_id) do update set embedding = excluded.embedding"
        ),
        {"gallery_id": gallery_id, "encoder_id": encoder_id},
    )
