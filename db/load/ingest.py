"""Adds photos and vectors to a gallery with COPY; see `Ingest`.

A call that is killed leaves nothing that a search finds, at most an empty gallery. If it is killed
at the very end, some of its photos may be stored, each completely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg.errors import UniqueViolation
from sqlalchemy import ARRAY, Connection, Engine, Text, any_, bindparam, select, text

from geofix.db.engine import database_errors
from geofix.db.errors import DatabaseError, GalleryError
from geofix.db.load.galleries import are_present, ensure_partition, gallery_id_of
from geofix.db.load.index_build import Progress, write_alone
from geofix.db.load.index_lifecycle import finish_load
from geofix.db.load.photo_rows import (
    PHOTO_FIELDS,
    GeotaggedPhoto,
    PhotoColumns,
    as_columns,
    check_storable,
    check_text,
    insert_photos,
    known_ids,
    new_ids,
)
from geofix.db.load.vector_load import VectorLoad, store, store_over_two, update
from geofix.db.load.vector_rows import Vectors
from geofix.db.tables import GalleryRow, PhotoRow

__all__ = ["Added", "GeotaggedPhoto", "Ingest", "PhotoColumns"]

WORTH_TWO = 2_000
"""From this many new photos on, photos and vectors are stored over two connections at once."""


@dataclass(frozen=True, slots=True)
class Added:
    """How many photos of one call were new and how many were updated."""

    new: int
    updated: int


class Ingest:
    """Puts photos and their vectors into a gallery."""

    def __init__(self, engine: Engine, *, progress: Progress = lambda line: None) -> None:
        """Write into the database that `engine` reaches.

        Args:
            engine: To the database.
            progress: Called with one line when something slow is about to happen.
        """
        self._engine = engine
        self._progress = progress

    def known(
        self, gallery: str, source: str, encoder: str, external_ids: Sequence[str]
    ) -> dict[str, GeotaggedPhoto]:
        """Return, by external id, the photos that are stored with a vector of `encoder`."""
        # One array, and not a parameter an id, which the driver would parse one by one.
        asked = bindparam("asked", list(external_ids), ARRAY(Text))
        statement = (
            select(PhotoRow.id, *(getattr(PhotoRow, name) for name in PHOTO_FIELDS))
            .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
            .where(
                GalleryRow.name == gallery,
                PhotoRow.source == source,
                PhotoRow.external_id == any_(asked),
            )
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            rows = connection.execute(statement).all()
            embedded = _embedded(connection, encoder, [row.id for row in rows])
        photos = [GeotaggedPhoto(*row[1:]) for row in rows if row.id in embedded]
        return {photo.external_id: photo for photo in photos}

    def has_source(self, gallery: str, source: str) -> bool:
        """Return whether a gallery has photos of a source, with or without vectors."""
        statement = select(
            select(PhotoRow.id)
            .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
            .where(GalleryRow.name == gallery, PhotoRow.source == source)
            .exists()
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            return bool(connection.execute(statement).scalar_one())

    def pictures(self, gallery: str, sha256s: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return source and external id, by hash, of those of the pictures that a gallery has."""
        statement = (
            select(PhotoRow.sha256, PhotoRow.source, PhotoRow.external_id)
            .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
            .where(GalleryRow.name == gallery, PhotoRow.sha256.in_(sha256s))
            .order_by(PhotoRow.id.desc())
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            # Of several the oldest, which comes last, has it.
            return {str(row[0]): (row[1], row[2]) for row in connection.execute(statement)}

    def add(
        self,
        gallery: str,
        encoder: str,
        photos: Sequence[GeotaggedPhoto] | PhotoColumns,
        vectors: Vectors,
    ) -> Added:
        """Add photos, or update those whose (source, external id) is already stored.

        Args:
            gallery: Name of the gallery, which is created if it does not exist.
            encoder: Name of the encoder that made the vectors.
            photos: In the order of `vectors`.
            vectors: `[n, dimension]`, L2-normalised.

        Raises:
            GalleryError: The encoder's stored vectors have another dimension, a vector is not
                finite, or a photo cannot be stored: it is not on the Earth, appears twice, or has a
                text that Postgres cannot store. Nothing is stored then; a new gallery may remain,
                empty.
        """
        columns = as_columns(photos)
        check_text("the gallery's name", gallery)
        check_text("the encoder's name", encoder)
        if len(columns) != len(vectors):
            raise GalleryError(f"{len(columns)!r} photos came with {len(vectors)!r} vectors")
        check_storable(columns)
        if not len(columns):
            return Added(0, 0)
        if len(columns) >= WORTH_TWO:
            self._enter(gallery, encoder, vectors.shape[1])
            try:
                # Thousands that are hardly ever there are not looked for beforehand.
                return self._add(gallery, encoder, columns, vectors, all_new=True)
            except DatabaseError as error:
                if error.sqlstate != UniqueViolation.sqlstate:
                    raise
        return self._add(gallery, encoder, columns, vectors, all_new=False)

    def _enter(self, gallery: str, encoder: str, dimension: int) -> None:
        """Commit gallery and encoder: what refers to them may then be committed beside."""
        with database_errors(self._engine), self._engine.begin() as connection:
            if not are_present(connection, gallery, encoder):
                write_alone(connection)
                ensure_partition(connection, encoder, dimension)
                gallery_id_of(connection, gallery)

    def _add(
        self,
        gallery: str,
        encoder: str,
        photos: PhotoColumns,
        vectors: Vectors,
        *,
        all_new: bool,
    ) -> Added:
        with database_errors(self._engine), self._engine.begin() as connection:
            write_alone(connection)
            # Else the gallery was removed since it was entered.
            entered = are_present(connection, gallery, encoder)
            encoder_id = ensure_partition(connection, encoder, vectors.shape[1])
            gallery_id = gallery_id_of(connection, gallery)
            found = {} if all_new else known_ids(connection, gallery_id, photos)
            ids, known, new = _identified(connection, found, photos)
            rows = gallery_id, photos, new, ids[new]
            load = VectorLoad(encoder, encoder_id, gallery_id, photos, ids, known, vectors)
            if entered and len(new) >= WORTH_TWO:
                store_over_two(
                    self._engine, connection, load, lambda other: insert_photos(other, *rows)
                )
            else:
                insert_photos(connection, *rows)
                store(connection, load)
        return Added(len(new), updated=len(known))

    def amend(self, gallery: str, photos: Sequence[GeotaggedPhoto]) -> int:
        """Update photos without changing their vectors; return how many there are.

        Raises:
            GalleryError: As `add`; or one is not in the gallery, by source and external id.
        """
        columns = as_columns(photos)
        check_storable(columns)
        with database_errors(self._engine), self._engine.begin() as connection:
            write_alone(connection)
            gallery_id = gallery_id_of(connection, gallery)
            known = known_ids(connection, gallery_id, columns)
            for source, external_id in columns.identities():
                if (source, external_id) not in known:
                    raise GalleryError(
                        f"photo {external_id!r} of {source!r} is not in the gallery {gallery!r};"
                        " add it with its vector"
                    )
            ids = np.array([known[key] for key in columns.identities()], dtype=np.int64)
            update(connection, columns, np.arange(len(columns)), ids)
        return len(columns)

    def finish(self, encoder: str) -> None:
        """Update centring and index; call it once, when a load is done."""
        finish_load(self._engine, encoder, progress=self._progress)


def _embedded(connection: Connection, encoder: str, photo_ids: Sequence[int]) -> set[int]:
    """Return which of some photos have a vector."""
    rows = connection.execute(
        text(
            "select photo_id from embeddings where photo_id = any(:ids)"
            " and encoder_id = (select id from encoders where name = :encoder)"
        ),
        {"ids": list(photo_ids), "encoder": encoder},
    )
    return {int(photo_id) for photo_id in rows.scalars()}


def _identified(
    connection: Connection, found: dict[tuple[str, str], int], photos: PhotoColumns
) -> tuple[NDArray[np.int64], NDArray[np.intp], NDArray[np.intp]]:
    """Return the ids of all photos, and the positions of those found and of those that are new."""
    ids = np.zeros(len(photos), dtype=np.int64)
    if found:
        ids[:] = [found.get(one, 0) for one in photos.identities()]
    known, new = np.flatnonzero(ids), np.flatnonzero(ids == 0)
    ids[new] = new_ids(connection, len(new))
    return ids, known, new
