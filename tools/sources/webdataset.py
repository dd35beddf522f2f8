"""Tar shards of WebDataset and img2dataset: pictures with a JSON of the same name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.cells import number_of
from geofix.tools.sources.columns import check_names
from geofix.tools.sources.coordinates import HEAD, check_columns
from geofix.tools.sources.marks import SeenIds
from geofix.tools.sources.protocol import Rejected, SourcePhoto, check_name, name_of
from geofix.tools.sources.samples import Sample, photo_of, samples_of
from geofix.tools.sources.shards import find_shards


class WebDatasetSource:
    """One photo a sample; a sample without a place in its JSON has to have it in its EXIF."""

    def __init__(
        self, path: Path, *, name: str | None = None, columns: Mapping[str, str] | None = None
    ) -> None:
        """Find the shards and look at the first samples' places.

        Args:
            path: A tar, a folder of tars, or `photos-{000..010}.tar`. Compressed tars are read
                front to back, and their pictures pass through memory.
            name: What the photos are kept under; the path's name and a mark otherwise.
            columns: Our name of a value to its key in the JSON.

        Raises:
            SourceError: There is no shard, the coordinates are mistaken throughout, or the name is
                unusable.
        """
        self._columns = dict(columns or {})
        check_names(self._columns)
        self._shards = find_shards(path)
        whole = path.parent.resolve() / path.name
        self.name = check_name(name_of(whole) if name is None else name)
        head = list(islice(self._samples(pictures=False), HEAD))
        if not any(isinstance(sample, Sample) for sample in head):
            why = next((item.reason for item in head if isinstance(item, Rejected)), "no picture")
            raise SourceError(f"{str(path)!r} holds no sample with a picture ({why})")
        places = [place for item in head if (place := _place(item)) is not None]
        check_columns(repr(os.fspath(path)), places, self._columns)

    def __iter__(self) -> Iterator[SourcePhoto | Rejected]:
        """Give the photos by shard, in each as they stand there."""
        seen = SeenIds()
        for sample in self._samples(pictures=True):
            if isinstance(sample, Rejected):
                yield sample
                continue
            try:
                photo = photo_of(sample)
                seen.refuse_again(photo.external_id)
            except ValueError as error:
                yield Rejected(sample.label, str(error))
            else:
                yield photo

    def total(self) -> None:
        """Say that only reading all shards would tell."""

    def _samples(self, *, pictures: bool) -> Iterator[Sample | Rejected]:
        for shard in self._shards:
            yield from samples_of(shard, self._columns, pictures=pictures)


def _place(sample: Sample | Rejected) -> tuple[float, float] | None:
    if isinstance(sample, Rejected):
        return None
    try:
        return number_of(sample.cells, "latitude"), number_of(sample.cells, "longitude")
    except ValueError:
        # Its own line of the report will say so.
        return None
