"""Finds the pictures of a published set, and those that show a notice instead of a photo."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from geofix.evaluation.reproduce.truth_table import TruthRow
from geofix.tools.errors import PhotoError, SourceError
from geofix.tools.geo.distance import haversine_km
from geofix.tools.sources.folder import SUFFIXES
from geofix.tools.sources.joined import pictures_below
from geofix.tools.sources.mp16 import file_name
from geofix.tools.sources.picture_files import FilePicture, Picture, TarPicture, ZipPicture

MOST_PICTURES = 2_000_000
"""Most pictures below a folder that are looked through."""

APART_KM = 1.0
"""One picture at two places so far apart shows neither."""

SMALL_BYTES = 5_120
"""Largest size of a notice that stands for one place only. G3 leaves out all files of MP-16 up to
this size (Applied-Machine-Learning-Lab/G3, utils/utils.py)."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A picture and its size."""

    picture: Picture
    size: int
    """In bytes."""


class PicturesOfSet:
    """The pictures below a folder, by the names that tables have for them."""

    def __init__(self, folder: Path) -> None:
        """Look through a folder, with all folders, zips and tars below it; no picture is opened.

        Raises:
            SourceError: An archive is damaged, or there are too many pictures for one test set.
        """
        self._folder = folder
        self._by_name: dict[str, list[Picture]] = defaultdict(list)
        self._by_stem: dict[str, list[Picture]] = defaultdict(list)
        self.count = 0
        for name, picture in islice(pictures_below(folder), MOST_PICTURES + 1):
            if self.count == MOST_PICTURES:
                raise SourceError(
                    f"the folder {str(folder)!r} contains more than {MOST_PICTURES:,} pictures;"
                    " give a folder with the test set alone"
                )
            self.count += 1
            for key in _keys(name):
                self._by_name[key].append(picture)
                self._by_stem[_stem(key)].append(picture)

    def find(self, name: str) -> Sized | None:
        """Return the picture that a table means; none if there is none, or it is empty.

        A file goes before a member of an archive, which is often what was unpacked.

        Raises:
            SourceError: Several files have this name.
        """
        keys = _keys(name)
        found = next((self._by_name[key] for key in keys if key in self._by_name), None)
        # By the stem only where a table leaves out the suffix: maps of segments have the stems of
        # the photos they were made of.
        stems = [key for key in keys if _stem(key) == key]
        found = found or next((self._by_stem[key] for key in stems if key in self._by_stem), None)
        if found is None:
            return None
        files = [one for one in found if isinstance(one, FilePicture)]
        if len(files) > 1:
            raise SourceError(
                f"the photo {name!r} is there {len(files)} times: {files[0].location!r} and"
                f" {files[1].location!r}; leave one of them in the folder {str(self._folder)!r}"
            )
        picture = (files or found)[0]
        size = _size(picture)
        return Sized(picture, size) if size else None


def placeholders_of(
    found: Mapping[str, Sized], rows: Iterable[TruthRow]
) -> tuple[frozenset[str], list[str]]:
    """Return the names of photos whose file is a notice, and of files that cannot be read.

    Flickr gives the same grey picture, 'This photo is no longer available', for every photo that is
    gone. So one picture that stands for photos of several authors, or at places more than
    `APART_KM` apart, shows none of them. Where one author and one place are meant, it is taken for
    a notice only up to `SMALL_BYTES`: people do upload a photo twice. A notice that a set contains
    once is not found.

    Args:
        found: Pictures by the name of the photo.
        rows: Of the table.
    """
    named = {row.name: row for row in rows if row.name in found}
    alike: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name in named:
        picture = found[name].picture
        checksum = picture.crc if isinstance(picture, ZipPicture) else 0
        alike[found[name].size, checksum].append(name)
    by_hash: dict[str, list[str]] = defaultdict(list)
    unreadable = list[str]()
    # Only files of one size can be the same, so few are read.
    for names in alike.values():
        for name in names if len(names) > 1 else ():
            try:
                data = found[name].picture.read()
            except PhotoError:
                unreadable.append(name)
                continue
            by_hash[hashlib.sha256(data).hexdigest()].append(name)
    notices = {
        name
        for names in by_hash.values()
        if len(names) > 1 and _stands_for_none([named[name] for name in names], found)
        for name in names
    }
    return frozenset(notices), unreadable


def _stands_for_none(rows: list[TruthRow], found: Mapping[str, Sized]) -> bool:
    first = rows[0]
    authors = {row.author for row in rows if row.author is not None}
    apart_km = haversine_km(
        [row.latitude for row in rows],
        [row.longitude for row in rows],
        first.latitude,
        first.longitude,
    )
    small = found[first.name].size <= SMALL_BYTES
    return len(authors) > 1 or bool((apart_km > APART_KM).any()) or small


def _keys(name: str) -> list[str]:
    """Return what a row's name and that of its picture may have in common, the surest first.

    MP-16 and YFCC sets spread photos over folders, `7b/a4/8868110013.jpg`, which some copies write
    into the name, `7b_a4_8868110013.jpg`, and others leave out.
    """
    whole, last = file_name(name), name.rpartition("/")[2]
    nested = [whole.rpartition("_")[2]] if "/" in name and whole != last else []
    return list(dict.fromkeys([whole, last, *nested]))


def _stem(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    # An id such as 1125_78841376@N00.5 has no suffix.
    return stem if suffix.lower() in SUFFIXES else name


def _size(picture: Picture) -> int:
    if isinstance(picture, TarPicture | ZipPicture):
        return picture.size
    try:
        return os.stat(picture.location).st_size
    except OSError:
        return 0
