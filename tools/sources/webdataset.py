"""Reads tar shards of WebDataset and img2dataset."""

from __future__ import annotations

import json
import lzma
import os
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from geofix.tools.errors import SourceError
from geofix.tools.photo.read import MAX_BYTES
from geofix.tools.sources.columns import (
    ALIASES,
    HEAD,
    Cells,
    accuracy_of,
    check_columns,
    check_names,
    check_place,
    instant_of,
    number_of,
    text_of,
)
from geofix.tools.sources.joined import PACKED_TARS, TARS, is_picture, tar_members
from geofix.tools.sources.picture_files import MemoryPicture, Picture, TarPicture
from geofix.tools.sources.protocol import Rejected, SourcePhoto, check_name, name_of
from geofix.tools.sources.rows import SeenIds

MAX_JSON = 10_000_000
"""Most bytes of a JSON that are read."""


READING = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError)
"""What `tarfile` lets through of a tar that is damaged or cut short."""


@dataclass(frozen=True, slots=True)
class ShardSample:
    """One picture with what its JSON says."""

    label: str
    """`00000.tar!000012`; also the photo's id where the JSON has none."""
    picture: Picture
    cells: Cells


def photo_of(sample: ShardSample) -> SourcePhoto:
    """Read what is known of a sample's photo.

    Raises:
        ValueError: It cannot be kept.
    """
    cells = sample.cells
    place: tuple[float, float] | None = None
    if text_of(cells, "latitude") or text_of(cells, "longitude"):
        place = number_of(cells, "latitude"), number_of(cells, "longitude")
        check_place(*place)
    external_id = text_of(cells, "id") or sample.label
    try:
        external_id.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("its name is not UTF-8; rename it") from None
    return SourcePhoto(
        external_id=external_id,
        picture=sample.picture,
        latitude=place and place[0],
        longitude=place and place[1],
        accuracy_km=accuracy_of(cells),
        author=text_of(cells, "author") or None,
        licence=text_of(cells, "licence") or None,
        attribution=text_of(cells, "attribution") or None,
        captured_at=instant_of(cells),
    )


def samples_of(
    shard: Path, columns: Mapping[str, str], *, pictures: bool
) -> Iterator[ShardSample | Rejected]:
    """Give the samples of a shard; neighbours of one name up to the first dot are one.

    Args:
        shard: A tar.
        columns: Our name of a value to its key in the JSON.
        pictures: Read the pictures of a compressed tar; otherwise they are empty.
    """
    failures: list[Exception] = []
    try:
        with tarfile.open(shard, "r|*" if is_packed(shard) else "r:") as archive:
            for key, members in groupby(_files(archive, failures), key=_key):
                sample = _sample(shard, archive, f"{shard.name}!{key}", members, pictures)
                if isinstance(sample, ShardSample):
                    sample = ShardSample(
                        sample.label, sample.picture, _named(sample.cells, columns)
                    )
                if sample is not None:
                    yield sample
    except READING as error:
        failures.append(error)
    for failure in failures:
        yield Rejected(str(shard), f"the rest of the tar cannot be read ({failure}); copy it again")


def _files(archive: tarfile.TarFile, failures: list[Exception]) -> Iterator[tarfile.TarInfo]:
    # `groupby` looks one member ahead: an error raised there would cost the sample before it.
    try:
        yield from (member for member in tar_members(archive) if member.isreg())
    except READING as error:
        failures.append(error)


def is_packed(shard: Path) -> bool:
    """Say whether a tar is compressed, by its name."""
    return shard.name.lower().endswith(PACKED_TARS)


def _sample(
    shard: Path,
    archive: tarfile.TarFile,
    label: str,
    members: Iterator[tarfile.TarInfo],
    pictures: bool,
) -> ShardSample | Rejected | None:
    """Return None for what is no picture: captions alone, say."""
    picture: Picture | None = None
    said: Any = {}
    failed: str | None = None
    # A stream goes forward only: what is wanted of a member is taken before the next.
    for member in members:
        if picture is None and is_picture(member.name):
            picture = _picture(shard, archive, member, pictures)
        elif member.name.lower().endswith(".json"):
            try:
                said = json.loads(_bytes(archive, member, MAX_JSON))
            # RecursionError: it is nested a thousand deep.
            except (ValueError, RecursionError) as error:
                failed = f"its JSON cannot be read ({error})"
    if picture is None:
        return None
    if not failed and not isinstance(said, dict):
        failed = "its JSON is not an object"
    return Rejected(label, failed) if failed else ShardSample(label, picture, said)


def _picture(shard: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, read: bool) -> Picture:
    if not is_packed(shard):
        return TarPicture(shard, member.offset_data, member.size, member.name)
    # One byte more than may be, so that reading it says that it is too large.
    data = _bytes(archive, member, MAX_BYTES + 1) if read else b""
    return MemoryPicture(f"{shard}!{member.name}", data)


def _bytes(archive: tarfile.TarFile, member: tarfile.TarInfo, most: int) -> bytes:
    file = archive.extractfile(member)
    return file.read(most) if file is not None else b""


def _key(member: tarfile.TarInfo) -> str:
    folder, slash, name = member.name.rpartition("/")
    return folder + slash + name.partition(".")[0]


def _named(said: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the values under our names; a place may stand one object deeper."""
    values: dict[str, Any] = {}
    for inner in said.values():
        if isinstance(inner, dict):
            values |= {key.lower(): value for key, value in inner.items()}
    places = {at for name in ("latitude", "longitude") for at in ALIASES[name]}
    values = {key: value for key, value in values.items() if key in places}
    values |= {key.lower(): value for key, value in said.items() if not isinstance(value, dict)}
    named = {}
    for name, aliases in ALIASES.items():
        wanted = (columns[name].lower(),) if name in columns else aliases
        used = next((key for key in wanted if values.get(key) is not None), None)
        if used is not None and not isinstance(values[used], (list, dict)):
            named[name] = values[used]
    return named


_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")

MOST_SHARDS = 100_000
"""That a name may stand for: the largest public sets have some tens of thousands."""

MOST_DIGITS = 9


def is_tar(name: str) -> bool:
    """Say whether a file is called like a tar, compressed or not."""
    return name.lower().endswith(TARS + PACKED_TARS)


def find_shards(path: Path) -> list[Path]:
    """Return the tars in their order.

    Args:
        path: A tar, a folder of tars (not searched deeper), or `photos-{000..010}.tar`.

    Raises:
        SourceError: There is none, one of a range is missing, or a range has more than 100,000.
    """
    if os.path.isdir(path):
        shards = sorted(path / name for name in os.listdir(path) if is_tar(name))
        if not shards:
            raise SourceError(f"the folder {str(path)!r} contains no tar")
    else:
        shards = [Path(text) for text in expand(str(path))]
    for shard in shards:
        if not os.path.isfile(shard):
            raise SourceError(
                f"the shard {str(shard)!r} does not exist; give shards that all exist"
            )
    return [shard.resolve() for shard in shards]


def expand(text: str) -> list[str]:
    """Return the names that `{000..010}` in a name stands for, zeros in front kept."""
    found = _RANGE.search(text)
    if found is None:
        return [text]
    first, last = found.groups()
    if max(len(first), len(last)) > MOST_DIGITS:
        raise SourceError(
            f"the range {found[0][:40]!r} has a number with more than {MOST_DIGITS} digits; name"
            f" at most {MOST_SHARDS:,} shards"
        )
    if int(last) < int(first):
        raise SourceError(f"the range {found[0]!r} runs backwards; write the smaller number first")
    before, after = text[: found.start()], text[found.end() :]
    numbers = range(int(first), int(last) + 1)
    # Checked before what follows is expanded: ranges multiply.
    rests = expand(after) if len(numbers) <= MOST_SHARDS else []
    if not 0 < len(numbers) * len(rests) <= MOST_SHARDS:
        raise SourceError(
            f"{text!r} names more than {MOST_SHARDS:,} shards; give their folder, or ingest a"
            " part at a time"
        )
    return [before + str(n).zfill(len(first)) + rest for n in numbers for rest in rests]


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
        if not any(isinstance(sample, ShardSample) for sample in head):
            why = next((item.reason for item in head if isinstance(item, Rejected)), "no picture")
            raise SourceError(f"{str(path)!r} contains no sample with a picture ({why})")
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

    def _samples(self, *, pictures: bool) -> Iterator[ShardSample | Rejected]:
        for shard in self._shards:
            yield from samples_of(shard, self._columns, pictures=pictures)


def _place(sample: ShardSample | Rejected) -> tuple[float, float] | None:
    if isinstance(sample, Rejected):
        return None
    try:
        return number_of(sample.cells, "latitude"), number_of(sample.cells, "longitude")
    except ValueError:
        # Its own line of the report will say so.
        return None
