"""Ingests vectors made elsewhere: reads batches and stores them with COPY in another thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from geofix.db.load.ingest import Added, GeotaggedPhoto, Ingest
from geofix.db.load.photo_rows import PhotoColumns
from geofix.tools.geo.countries import countries_of
from geofix.tools.ingestion.photo_load import Writer
from geofix.tools.ingestion.report import IngestionReport, Progress, Tally
from geofix.tools.sources import check_name
from geofix.tools.sources.protocol import VectorBatch, VectorSource

LARGEST_BLOCK = 32_768
"""Rows read and stored at a time: 100 MB of vectors of 768 dimensions in float32."""

Value = TypeVar("Value")


def ingest_vectors(
    source: VectorSource,
    gallery: str,
    ingest: Ingest,
    encoder: str,
    *,
    batch_size: int = LARGEST_BLOCK,
    advance: Callable[[Progress], None] = lambda progress: None,
    rejects: Path | None = None,
) -> IngestionReport:
    """Put vectors with their places into a gallery.

    A row whose id is stored with the same place and terms counts as unchanged, whatever its vector
    is: vectors of other weights need another encoder's name.

    Args:
        source: The vectors.
        gallery: Name of the gallery; made if there is none.
        ingest: Where they are stored.
        encoder: Name of the encoder that made them.
        batch_size: Rows read and stored at a time.
        advance: Called with how far the load is.
        rejects: File to write those left out to, as JSON lines; overwritten.

    Raises:
        SourceError: The gallery's name or the file for rejects is unusable, or the source is.
        GalleryError: The encoder is known with another dimension.
    """
    check_name(gallery)
    check_name(encoder)
    with Tally(source.total(), advance, rejects) as tally:
        # What is there is looked up batch by batch, unless nothing is.
        look_up = ingest.has_source(gallery, source.name)
        with Writer() as writer:
            for batch in source.batches(batch_size):
                for rejected in batch.rejected:
                    tally.reject(rejected.item, rejected.reason)
                ids = batch.external_ids
                known = ingest.known(gallery, source.name, encoder, ids) if look_up else {}
                rows = _to_store(batch, known)
                tally.count(unchanged=len(ids) - len(rows))
                if len(rows):
                    columns = _columns(batch, source.name, rows)
                    vectors = batch.vectors if len(rows) == len(ids) else batch.vectors[rows]
                    writer.put(
                        partial(ingest.add, gallery, encoder, columns, vectors),
                        partial(_count, tally),
                    )
        ingest.finish(encoder)
    return tally.report


def _count(tally: Tally, added: Added) -> None:
    tally.count(added=added.new, updated=added.updated)


def _to_store(batch: VectorBatch, known: Mapping[str, GeotaggedPhoto]) -> NDArray[np.intp]:
    """Rows of a batch that are new or say something new."""
    if not known:
        return np.arange(len(batch.external_ids))
    there = map(known.get, batch.external_ids)
    new = [row for row, photo in enumerate(there) if not _says_the_same(batch, row, photo)]
    return np.array(new, dtype=np.intp)


def _says_the_same(batch: VectorBatch, row: int, there: GeotaggedPhoto | None) -> bool:
    if there is None:
        return False
    return (
        (there.latitude, there.longitude) == (batch.latitudes[row], batch.longitudes[row])
        and there.author == batch.authors[row]
        and there.licence == batch.licences[row]
        and there.attribution == batch.attributions[row]
        and there.captured_at == batch.captured_at[row]
        # Postgres keeps the accuracy in single precision.
        and np.float32(there.accuracy_km) == np.float32(batch.accuracies_km[row])
    )


def _columns(batch: VectorBatch, source: str, rows: NDArray[np.intp]) -> PhotoColumns:
    latitudes, longitudes = batch.latitudes[rows], batch.longitudes[rows]
    nothing: list[str | None] = [None] * len(rows)
    return PhotoColumns(
        source=[source] * len(rows),
        external_id=_picked(batch.external_ids, rows),
        latitude=latitudes,
        longitude=longitudes,
        accuracy_km=batch.accuracies_km[rows].astype(np.float32),
        country=countries_of(latitudes, longitudes),
        author=_picked(batch.authors, rows),
        licence=_picked(batch.licences, rows),
        attribution=_picked(batch.attributions, rows),
        captured_at=_picked(batch.captured_at, rows),
        sha256=nothing,
        location=nothing,
    )


def _picked(values: list[Value], rows: NDArray[np.intp]) -> list[Value]:
    return values if len(rows) == len(values) else [values[row] for row in rows]
