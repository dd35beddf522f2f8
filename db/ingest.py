"""Vectors in: COPY into a staging table, merge, and bring the centring up to date.

Everything of one call happens in one transaction: a call that is killed leaves nothing behind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from sqlalchemy import Connection, Engine, select, text

from geofix.db.centring import refresh_centring
from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.galleries import gallery_id_of, partitioned, write_alone
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

TEXTS = tuple(name for name in COLUMNS if name not in TYPES)

LARGEST_HALF = 65_504.0
"""The largest number a `halfvec` can hold."""


class Ingest:
    """Puts photos and their vectors into a gallery."""

    def __init__(self, engine: Engine) -> None:
        """Write into the database that `engine` reaches."""
        self._engine = engine

    def known(self, gallery: str, source: str, encoder: str) -> dict[str, GeotaggedPhoto]:
        """Return by external id what is there already, embedded by `encoder`."""
        statement = (
            select(*(getattr(PhotoRow, name) for name in COLUMNS))
            .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
            .join(EmbeddingRow, EmbeddingRow.photo_id == PhotoRow.id)
            .join(EncoderRow, EncoderRow.id == EmbeddingRow.encoder_id)
            .where(
                GalleryRow.name == gallery, PhotoRow.source == source, EncoderRow.name == encoder
            )
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            photos = [GeotaggedPhoto(*row) for row in connection.execute(statement)]
        return {photo.external_id: photo for photo in photos}

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
            GalleryError: The encoder is known with another dimension, a vector is not finite, or a
                photo cannot be stored: off the Earth, named twice, or with a text that Postgres
                cannot hold. Nothing is stored then.
        """
        check_text("the gallery's name", gallery)
        check_text("the encoder's name", encoder)
        _check_vectors(encoder, vectors, len(photos))
        _check_photos(photos)
        if not len(photos):
            return 0
        with database_errors(self._engine), self._engine.begin() as connection:
            write_alone(connection)
            encoder_id = partitioned(connection, encoder, int(vectors.shape[1]))
            gallery_id = gallery_id_of(connection, gallery)
            _copy(connection, photos, vectors)
            new = _merge_photos(connection, gallery_id)
            _merge_vectors(connection, gallery_id, encoder_id)
            return new

    def finish(self, encoder: str) -> None:
        """Compute the encoder's centring anew; call it once, when a load is done."""
        with database_errors(self._engine), self._engine.begin() as connection:
            write_alone(connection)
            encoder_id = connection.execute(
                select(EncoderRow.id).where(EncoderRow.name == encoder)
            ).scalar()
            if encoder_id is not None:
                refresh_centring(connection, encoder_id)


def _check_vectors(encoder: str, vectors: NDArray[np.float32], photos: int) -> None:
    if photos != len(vectors):
        raise GalleryError(f"{photos!r} photos came with {len(vectors)!r} vectors")
    # Also false for NaN; what a halfvec cannot hold would become infinite on its way.
    if not (np.abs(vectors) <= LARGEST_HALF).all():
        raise GalleryError(f"encoder {encoder!r} gave a vector that is not finite; not stored")


def _check_photos(photos: Sequence[GeotaggedPhoto]) -> None:
    seen: set[tuple[str, str]] = set()
    for photo in photos:
        named = f"photo {photo.external_id!r} of {photo.source!r}"
        for name in TEXTS:
            check_text(f"{name} of {named}", getattr(photo, name))
        _check_numbers(named, photo)
        if (photo.source, photo.external_id) in seen:
            raise GalleryError(f"{named} is there twice in one call; give each an id of its own")
        seen.add((photo.source, photo.external_id))


def _check_numbers(named: str, photo: GeotaggedPhoto) -> None:
    if not -90 <= photo.latitude <= 90:
        raise GalleryError(f"{named}: latitude {photo.latitude!r} is not between -90 and 90")
    if not -180 <= photo.longitude <= 180:
        raise GalleryError(f"{named}: longitude {photo.longitude!r} is not between -180 and 180")
    if not 0 <= photo.accuracy_km < math.inf:
        raise GalleryError(f"{named}: accuracy_km {photo.accuracy_km!r} is no distance; give 0 up")
    if photo.captured_at is not None and photo.captured_at.utcoffset() is None:
        raise GalleryError(
            f"{named}: captured_at {photo.captured_at.isoformat()!r} has no time zone; give one"
        )


def check_text(what: str, value: str | None) -> None:
    """Refuse a text that Postgres cannot hold.

    Raises:
        GalleryError: It has a NUL, or a surrogate as in a file name that is no UTF-8.
    """
    if value is not None and (found := re.search("[\0\ud800-\udfff]", value)):
        raise GalleryError(
            f"{what} has the character {found.group()!r}, which Postgres cannot hold: {value!r};"
            " remove it"
        )


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
