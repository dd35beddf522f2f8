"""Ingests photos: looks them up, decodes them in processes, embeds and stores them in batches.

A batch is stored completely or not at all, and stored photos are not embedded again. So a load that
is killed and started again continues where it stopped. Memory does not grow with the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from PIL import Image

from geofix.db.load.ingest import Ingest
from geofix.tools.encoders import Encoder
from geofix.tools.ingestion.decoding import DecodedPhoto, Outcome
from geofix.tools.ingestion.jobs import Job
from geofix.tools.ingestion.photo_load import PhotoLoad, Writer
from geofix.tools.ingestion.report import IngestionReport, Progress, Tally
from geofix.tools.ingestion.workers import Workers
from geofix.tools.sources import Source, check_name

BATCH = 32
"""Photos embedded and stored at a time; a kill loses at most three batches of work."""


def ingest_source(
    source: Source,
    gallery: str,
    ingest: Ingest,
    encoder: Encoder,
    *,
    workers: int = 1,
    batch_size: int = BATCH,
    advance: Callable[[Progress], None] = lambda progress: None,
    rejects: Path | None = None,
) -> IngestionReport:
    """Ingest the photos of a collection into a gallery.

    Args:
        source: The collection.
        gallery: Name of the gallery; made if there is none.
        ingest: Where photos are stored.
        encoder: Makes the vectors.
        workers: Processes that read and decode; with 0 or 1 this process does. A script that asks
            for more needs `if __name__ == "__main__":`.
        batch_size: Photos embedded and stored at a time.
        advance: Called with how far the load is.
        rejects: File to write those left out to, as JSON lines; overwritten.

    Raises:
        SourceError: The gallery's name or the file for rejects is unusable.
        GalleryError: The encoder's stored vectors have another dimension, or it gave an invalid
            vector.
        EncoderError: The encoder failed.
        GeofixError: Worker processes cannot be started.
    """
    check_name(gallery)
    with Tally(source.total(), advance, rejects) as tally:
        with Writer() as writer, Workers(workers, batch_size, tally.lost_worker) as pool:
            load = PhotoLoad(source, gallery, ingest, encoder.name, tally, writer)
            outcomes = pool.decode_all((job, job.task()) for job in load.jobs())
            for batch in _batches(load, outcomes, batch_size):
                _take(batch, load, encoder)
        ingest.finish(encoder.name)
    return tally.report


def _batches(
    load: PhotoLoad, outcomes: Iterator[tuple[Job, Outcome]], size: int
) -> Iterator[list[tuple[Job, DecodedPhoto]]]:
    wanted = (
        (job, outcome)
        for job, outcome in outcomes
        if load.wants(job, outcome) and isinstance(outcome, DecodedPhoto)
    )
    while batch := list(islice(wanted, size)):
        yield batch


def _take(batch: list[tuple[Job, DecodedPhoto]], load: PhotoLoad, encoder: Encoder) -> None:
    fresh = load.fresh(batch)
    if fresh:
        load.store(fresh, encoder.embed(_pixels(fresh)))


def _pixels(photos: list[tuple[Job, DecodedPhoto]]) -> list[Image.Image]:
    return [decoded.pixels for _, decoded in photos if decoded.pixels is not None]
