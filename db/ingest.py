"""Photos and vectors in, at the speed of COPY; see `Ingest`.

Everything of one call happens in one transaction: a call that is killed leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, delete, select

from geofix.db.cells import cells_of
from geofix.db.copying import copy_vectors
from geofix.db.engine import database_errors
from geofix.db.errors import GalleryError
from geofix.db.galleries import gallery_id_of, partitioned
from geofix.db.indexing import finish_load
from geofix.db.models import EmbeddingRow, EncoderRow, GalleryRow, PhotoRow
from geofix.db.photo_columns import (
    FIELDS,
    GeotaggedPhoto,
    PhotoColumns,
    as_columns,
    check_columns,
    check_text,
)
from geofix.db.photo_rows import insert_photos, known_ids, update_photos
from geofix.db.placing import count_new, encoders_of, loaded, recount
from geofix.db.writer_lock import write_alone

__all__ = ["Added", "GeotaggedPhoto", "Ingest", "PhotoColumns"]

LARGEST_HALF = 65_504.0
"""The largest number a `halfvec` can hold."""

Vectors = NDArray[np.float32] | NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the photos of one call."""

    new: int
    updated: int


class Ingest:
    """Puts photos and their vectors into a gallery."""

    def __init__(self, engine: Engine) -> None:
        """Write into the database that `engine` reaches."""
        self._engine = engine

    def known(
        self, gallery: str, source: str, encoder: str, external_ids: Sequence[str]
    ) -> dict[str, GeotaggedPhoto]:
        """Return by external id what of these is there already, embedded by `encoder`."""
        statement = (
            select(*(getattr(PhotoRow, name) for name in FIELDS))
            .join(GalleryRow, GalleryRow.id == PhotoRow.gallery_id)
            .join(EmbeddingRow, EmbeddingRow.photo_id == PhotoRow.id)
            .join(EncoderRow, EncoderRow.id == EmbeddingRow.encoder_id)
            .where(
                GalleryRow.name == gallery,
                PhotoRow.source == source,
                PhotoRow.external_id.in_(external_ids),
                EncoderRow.name == encoder,
            )
        )
        with database_errors(self._engine), self._engine.connect() as connection:
            photos = [GeotaggedPhoto(*row) for row in connection.execute(statement)]
        return {photo.external_id: photo for photo in photos}

    def pictures(self, gallery: str, sha256s: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return by hash which of these pictures a gallery has, as source and external id."""
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
        """Add photos, or bring them up to date where (source, external id) is there already.

        Args:
            gallery: Its name; made if there is none of that name.
            encoder: Name of the encoder that made the vectors.
            photos: In the order of `vectors`.
            vectors: `[n, dimension]`, L2-normalised.

        Raises:
            GalleryError: The encoder is known with another dimension, a vector is not finite, or a
                photo cannot be stored: off the Earth, named twice, or with a text that Postgres
                cannot hold. Nothing is stored then.
        """
        columns = as_columns(photos)
        check_text("the gallery's name", gallery)
        check_text("the encoder's name", encoder)
        _check_vectors(encoder, vectors, len(columns))
        check_columns(columns)
        if not len(columns):
            return Added(0, 0)
        with database_errors(self._engine), self._engine.begin() as connection:
            write_alone(connection)
            encoder_id = partitioned(connection, encoder, int(vectors.shape[1]))
            gallery_id = gallery_id_of(connection, gallery)
            ids, new = _store_photos(connection, gallery_id, encoder_id, columns)
            cells = cells_of(columns.latitude, columns.longitude)
            copy_vectors(
                connection,
                f"embeddings_{encoder_id:d}",
                ids,
                (columns.latitude, columns.longitude, cells),
                columns.country,
                gallery_id,
                encoder_id,
                vectors,
            )
            if not new.all():
                recount(connection, ids[~new].tolist(), sign=1)
            countries = [columns.country[at] for at in np.flatnonzero(new)]
            count_new(connection, encoder_id, gallery_id, cells[new], countries)
            loaded(connection, [encoder_id])
        return Added(new=int(new.sum()), updated=int((~new).sum()))

    def amend(self, gallery: str, photos: Sequence[GeotaggedPhoto]) -> int:
        """Bring photos up to date whose vectors stay; say how many are there.

        Raises:
            GalleryError: As `add`; or one is not in the gallery, by source and external id.
        """
        columns = as_columns(photos)
        check_columns(columns)
        with database_errors(self._engine), self._engine.begin() as connection:
            write_alone(connection)
            gallery_id = gallery_id_of(connection, gallery)
            known = known_ids(connection, gallery_id, columns)
            for source, external_id in columns.keys:
                if (source, external_id) not in known:
                    raise GalleryError(
                        f"photo {external_id!r} of {source!r} is not in the gallery {gallery!r};"
                        " add it with its vector"
                    )
            ids = [known[key] for key in columns.keys]
            recount(connection, ids, sign=-1)
            _update(connection, columns, np.arange(len(columns)), ids)
            recount(connection, ids, sign=1)
            loaded(connection, encoders_of(connection, ids))
        return len(columns)

    def finish(self, encoder: str) -> None:
        """Bring centring and index up to date; call it once, when a load is done."""
        with database_errors(self._engine):
            finish_load(self._engine, encoder)


def _store_photos(
    connection: Connection, gallery_id: int, encoder_id: int, photos: PhotoColumns
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Store all but the vectors; return the photos' ids and which of them are new.

    Of those that are not new, the encoder's vectors are removed and not counted any more.
    """
    known = known_ids(connection, gallery_id, photos)
    ids = np.array([known.get(key, 0) for key in photos.keys], dtype=np.int64)
    new = ids == 0
    there = ids[~new].tolist()
    if there:
        recount(connection, there, sign=-1)
        _update(connection, photos, np.flatnonzero(~new), there)
        connection.execute(
            delete(EmbeddingRow).where(
                EmbeddingRow.encoder_id == encoder_id, EmbeddingRow.photo_id.in_(there)
            )
        )
    ids[new] = insert_photos(connection, gallery_id, photos, np.flatnonzero(new).tolist())
    return ids, new


def _update(
    connection: Connection, photos: PhotoColumns, chosen: NDArray[np.intp], ids: list[int]
) -> None:
    cells = cells_of(photos.latitude, photos.longitude)[chosen]
    update_photos(connection, photos, chosen.tolist(), ids, cells.tolist())


def _check_vectors(encoder: str, vectors: Vectors, photos: int) -> None:
    if photos != len(vectors):
        raise GalleryError(f"{photos!r} photos came with {len(vectors)!r} vectors")
    # Also false for NaN; what a halfvec cannot hold would become infinite on its way.
    if not (np.abs(vectors) <= LARGEST_HALF).all():
        raise GalleryError(f"encoder {encoder!r} gave a vector that is not finite; not stored")
