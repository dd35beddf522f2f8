"""Compares a photo of a collection with what is stored of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geofix.db.load.ingest import GeotaggedPhoto
from geofix.tools.geo.countries import countries_of
from geofix.tools.ingestion.decoding import DecodedPhoto, Task
from geofix.tools.sources import SourcePhoto


@dataclass(frozen=True, slots=True)
class Job:
    """One photo of a load, and what is stored of it."""

    item: SourcePhoto
    there: GeotaggedPhoto | None
    """The stored photo with its id and a vector of the encoder; none if there is none."""
    says_the_same: bool
    """Whether everything that the collection says of it is already stored."""

    @property
    def external_id(self) -> str:
        """Id of the photo in the collection."""
        return self.item.external_id

    @property
    def stored_sha256(self) -> str | None:
        """Hash of the picture whose vector is stored."""
        return None if self.there is None else self.there.sha256

    def has_vector(self, decoded: DecodedPhoto) -> bool:
        """Return whether the stored vector belongs to the picture that was read."""
        return decoded.sha256 == self.stored_sha256

    def task(self) -> Task:
        """Return what to read from the picture."""
        wants_place = self.item.latitude is None or self.item.longitude is None
        wants_more = wants_place or self.item.captured_at is None
        return Task(
            self.item.picture,
            stored_sha256=self.stored_sha256,
            wants_place=wants_place,
            # What the collection leaves open was taken from EXIF: it changes with the file only.
            wants_exif=wants_more and not self.says_the_same,
        )


def job_of(item: SourcePhoto, there: GeotaggedPhoto | None) -> Job:
    """Compare a photo with what is stored of it."""
    return Job(item, there, there is not None and _says_the_same(item, there))


def _says_the_same(item: SourcePhoto, there: GeotaggedPhoto) -> bool:
    said = (item.latitude, item.longitude, item.captured_at)
    stored = (there.latitude, there.longitude, there.captured_at)
    same = all(new in (None, old) for new, old in zip(said, stored, strict=True))
    terms = (item.author, item.licence, item.attribution, item.picture.location)
    # Postgres keeps the accuracy in single precision.
    return (
        same
        and terms == (there.author, there.licence, there.attribution, there.location)
        and np.float32(item.accuracy_km) == np.float32(there.accuracy_km)
    )


def geotagged(source: str, photos: list[tuple[Job, DecodedPhoto]]) -> list[GeotaggedPhoto]:
    """Return the gallery's rows of photos that were read.

    Args:
        source: Name of the collection.
        photos: Photos whose place is known, from the collection or from EXIF.
    """
    places = [_place(job.item, decoded) for job, decoded in photos]
    countries = countries_of(*zip(*places, strict=True)) if places else []
    return [
        GeotaggedPhoto(
            source=source,
            external_id=job.external_id,
            latitude=latitude,
            longitude=longitude,
            accuracy_km=job.item.accuracy_km,
            country=country,
            author=job.item.author,
            licence=job.item.licence,
            attribution=job.item.attribution,
            captured_at=job.item.captured_at or decoded.taken_at,
            sha256=decoded.sha256,
            location=job.item.picture.location,
        )
        for (job, decoded), (latitude, longitude), country in zip(
            photos, places, countries, strict=True
        )
    ]


def _place(item: SourcePhoto, decoded: DecodedPhoto) -> tuple[float, float]:
    if item.latitude is not None and item.longitude is not None:
        return item.latitude, item.longitude
    if decoded.place is None:
        raise ValueError(f"photo {item.external_id!r} was read without its place")
    return decoded.place
