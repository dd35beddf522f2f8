"""Photos into the gallery: read, embed in batches, store batch by batch.

A batch is stored whole or not at all, and what is stored already is not embedded again: killed at
any point and started again, an ingestion goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from PIL import Image

from geofix.db.ingest import GeotaggedPhoto, Ingest
from geofix.tools.countries import countries_at
from geofix.tools.encoders import Encoder
from geofix.tools.errors import PhotoError, RegionError
from geofix.tools.geo import check_coordinates
from geofix.tools.images import Photo, read_photo
from geofix.tools.sources import Rejected, Source, SourcePhoto, check_name

BATCH = 32
"""Photos embedded and stored at a time; also what a kill can cost."""


@dataclass
class IngestionReport:
    """What became of a collection's photos; every one is counted once."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Ready:
    photo: GeotaggedPhoto
    pixels: Image.Image


def ingest_source(
    source: Source,
    gallery: str,
    ingest: Ingest,
    encoder: Encoder,
    *,
    advance: Callable[[int], None] = lambda done: None,
) -> IngestionReport:
    """Put the photos of a collection into a gallery.

    Args:
        source: The collection.
        gallery: Name of the gallery; made if there is none.
        ingest: Where photos are stored.
        encoder: Makes the vectors.
        advance: Called with how many more photos are done.

    Raises:
        SourceError: The gallery's name is unusable.
        GalleryError: The encoder is known with another dimension, or gave what is no vector.
    """
    check_name(gallery)
    report = IngestionReport()
    known = ingest.known(gallery, source.name, encoder.name)
    pictures = {there.sha256: name for name, there in known.items() if there.sha256 is not None}
    batch: list[_Ready] = []
    for item in source:
        ready = _read(item, source.name, known, pictures, report)
        if ready is None:
            advance(1)
            continue
        batch.append(ready)
        if len(batch) == BATCH:
            _store(batch, gallery, ingest, encoder, report)
            advance(len(batch))
            batch = []
    _store(batch, gallery, ingest, encoder, report)
    advance(len(batch))
    ingest.finish(encoder.name)
    return report


def _read(
    item: SourcePhoto | Rejected,
    source: str,
    known: dict[str, GeotaggedPhoto],
    pictures: dict[str, str],
    report: IngestionReport,
) -> _Ready | None:
    """Return the photo if it has to be embedded; count it in the report otherwise."""
    if isinstance(item, Rejected):
        report.rejected.append(item)
        return None
    there = known.get(item.external_id)
    if there is not None and _says_the_same(item, there) and there.sha256 == _sha256(item):
        report.unchanged += 1
        return None
    try:
        photo = read_photo(item.path)
        latitude, longitude = _place(item, photo)
    except (PhotoError, RegionError) as error:
        report.rejected.append(Rejected(str(item.path), str(error)))
        return None
    if there is not None and there.sha256 and pictures.get(there.sha256) == item.external_id:
        # The picture that was kept under this name may not be there any more.
        del pictures[there.sha256]
    twin = pictures.setdefault(photo.sha256, item.external_id)
    if twin != item.external_id:
        report.rejected.append(Rejected(str(item.path), f"the same picture as {twin!r}"))
        return None
    return _Ready(_geotagged(item, photo, source, latitude, longitude), photo.pixels)


def _says_the_same(item: SourcePhoto, there: GeotaggedPhoto) -> bool:
    """Say whether all is stored that is known of a photo before it is opened."""
    said = (item.latitude, item.longitude, item.captured_at)
    stored = (there.latitude, there.longitude, there.captured_at)
    # What the collection leaves open was taken from EXIF, and changes with the file only.
    same = all(new in (None, old) for new, old in zip(said, stored, strict=True))
    terms = (item.author, item.licence, item.attribution, str(item.path))
    # Postgres keeps the accuracy in single precision.
    return (
        same
        and terms == (there.author, there.licence, there.attribution, there.location)
        and np.float32(item.accuracy_km) == np.float32(there.accuracy_km)
    )


def _sha256(item: SourcePhoto) -> str | None:
    try:
        with item.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        # Not there any more or not readable: reading it as a photo says so properly.
        return None


def _place(item: SourcePhoto, photo: Photo) -> tuple[float, float]:
    if item.latitude is not None and item.longitude is not None:
        return item.latitude, item.longitude
    claim = photo.claim
    if claim is None or claim.latitude is None or claim.longitude is None:
        why = "; ".join(photo.notes) or "its EXIF has no GPS position"
        raise PhotoError(f"it says no place: {why}")
    check_coordinates(claim.latitude, claim.longitude)
    return claim.latitude, claim.longitude


def _geotagged(
    item: SourcePhoto, photo: Photo, source: str, latitude: float, longitude: float
) -> GeotaggedPhoto:
    return GeotaggedPhoto(
        source=source,
        external_id=item.external_id,
        latitude=latitude,
        longitude=longitude,
        accuracy_km=item.accuracy_km,
        country=countries_at([latitude], [longitude])[0],
        author=item.author,
        licence=item.licence,
        attribution=item.attribution,
        captured_at=item.captured_at or _taken_at(photo),
        sha256=photo.sha256,
        location=str(item.path),
    )


def _taken_at(photo: Photo) -> datetime | None:
    if photo.claim is None or photo.claim.taken_at is None:
        return None
    instant = datetime.fromisoformat(photo.claim.taken_at)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _store(
    batch: list[_Ready],
    gallery: str,
    ingest: Ingest,
    encoder: Encoder,
    report: IngestionReport,
) -> None:
    if not batch:
        return
    vectors = encoder.embed([ready.pixels for ready in batch])
    new = ingest.add(gallery, encoder.name, [ready.photo for ready in batch], vectors)
    report.added += new
    report.updated += len(batch) - new


def rejected_lines(report: IngestionReport) -> Iterator[str]:
    """Give one line for every photo left out, whatever its name holds."""
    for item, reason in ((rejected.item, rejected.reason) for rejected in report.rejected):
        named = item if item.isprintable() else repr(item)
        yield f"left out: {reason}" if item in reason else f"left out {named}: {reason}"
