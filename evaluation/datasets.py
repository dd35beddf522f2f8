"""Sets of photos with their truth: a folder, a table, or a world."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geofix.agent.errors import OptionError
from geofix.evaluation.run.result import Dataset, EvalPhoto
from geofix.tools.encoders import Encoder
from geofix.tools.errors import PhotoError, SourceError
from geofix.tools.photo.read import read_photo
from geofix.tools.sources.columns import (
    Cells,
    accuracy_of,
    check_place,
    find_columns,
    number_of,
    text_of,
)
from geofix.tools.sources.folder import FolderSource
from geofix.tools.sources.picture_files import FilePicture, MemoryPicture, Picture
from geofix.tools.sources.protocol import Rejected

if TYPE_CHECKING:
    from geofix.agent.services import Services


TABLE = ("photos.csv", "photos.parquet")
"""What a folder's own table is called."""

BESIDES = {
    "sequence": ("sequence", "sequence_id", "sequence_key"),
    "group": ("group", "place", "city"),
    "kind": ("kind", "must_reject"),
    "source": ("source",),
}
"""Columns that galleries have no use for, and what sets call them."""


def read_photo_table(
    table: Path, columns: Mapping[str, str] | None = None
) -> tuple[list[EvalPhoto], list[str]]:
    """Return the photos of a table, and the rows left out, each with the reason.

    Columns are found as for a gallery (`geofix.tools.sources.columns`). Besides: `sequence`;
    `group` or `place`; `kind`, which in a row without coordinates says what is shown instead of a
    place; and `truth`, where `city` makes the coordinates a city's center and `exif` leaves a row
    out, because EXIF can be forged.

    Raises:
        SourceError: It cannot be read, or has no column of paths.
    """
    header, rows = _read(table)
    found = find_columns(table, header, columns, required=("path",))
    found |= _besides(header)
    photos, left_out = list[EvalPhoto](), list[str]()
    for number, values in enumerate(rows, start=1):
        cells = {name: values[at] for name, at in found.items() if at < len(values)}
        try:
            photos.append(_photo(table.parent, cells))
        except ValueError as error:
            left_out.append(f"{table.name} row {number}: {error}")
    return photos, left_out


def _besides(header: Sequence[str]) -> dict[str, int]:
    there = [name.lower() for name in header]
    return {
        ours: next(there.index(alias) for alias in aliases if alias in there)
        for ours, aliases in BESIDES.items()
        if any(alias in there for alias in aliases)
    }


def _photo(folder: Path, cells: Cells) -> EvalPhoto:
    truth, kind = text_of(cells, "truth"), text_of(cells, "kind") or None
    if truth == "exif":
        raise ValueError("its truth is EXIF, which can be forged")
    place: tuple[float, float] | None = None
    if text_of(cells, "latitude") or text_of(cells, "longitude"):
        place = number_of(cells, "latitude"), number_of(cells, "longitude")
        check_place(*place)
    elif kind is None:
        raise ValueError("it has no coordinates, and no kind that says why")
    accuracy_km = accuracy_of(cells)
    external_id, picture = _picture(folder, cells)
    return EvalPhoto(
        id=external_id,
        picture=picture,
        latitude=place and place[0],
        longitude=place and place[1],
        accuracy_km=accuracy_km,
        group=_group(cells, place),
        sequence=text_of(cells, "sequence") or _sequence(cells),
        author=text_of(cells, "author") or None,
        must_reject=kind if place is None else None,
    )


def _picture(folder: Path, cells: Cells) -> tuple[str, Picture]:
    held = cells.get("path")
    if isinstance(held, dict):
        # As Hugging Face writes pictures into Parquet.
        name = text_of(cells, "id") or str(held.get("path") or "")
        if not isinstance(held.get("bytes"), bytes) or not name:
            raise ValueError("its picture has no bytes or no name")
        return name, MemoryPicture(name, held["bytes"])
    path = text_of(cells, "path")
    if not path:
        raise ValueError("the path is empty")
    return text_of(cells, "id") or path, FilePicture(folder / path)


def _group(cells: Cells, place: tuple[float, float] | None) -> str | None:
    named = text_of(cells, "group")
    if named or place is None:
        return named or None
    return degree_of(*place)


def degree_of(latitude: float, longitude: float) -> str:
    """Return the place of a photo that names none: those within the same degree are one."""
    return f"{latitude:.0f}, {longitude:.0f}"


def _sequence(cells: Cells) -> str | None:
    """Return the folder the photo lay in at its origin, where the set keeps that as an id."""
    above = os.path.dirname(text_of(cells, "id"))
    return f"{text_of(cells, 'source')} {above}".strip() if above else None


def _read(table: Path) -> tuple[list[str], Iterator[Sequence[Any]]]:
    if table.suffix == ".parquet":
        return _read_parquet(table)
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(table, error) from error
    if not rows:
        raise _unreadable(table, ValueError("it is empty"))
    return rows[0], iter(rows[1:])


def _read_parquet(table: Path) -> tuple[list[str], Iterator[Sequence[Any]]]:
    from pyarrow import ArrowException, parquet  # noqa: PLC0415 - most sets are CSV

    try:
        read = parquet.read_table(table)
    except (OSError, ArrowException) as error:
        raise _unreadable(table, error) from error
    header = list(read.schema.names)
    return header, (list(row.values()) for row in read.to_pylist())


def _unreadable(table: Path, error: Exception) -> SourceError:
    return SourceError(
        f"the table {str(table)!r} cannot be read: {error}; give CSV in UTF-8, or Parquet"
    )


WORLD = "world:"


@dataclass(frozen=True)
class PhotoSet:
    """Photos of files; nothing has to be loaded for them."""

    name: str
    photos: Sequence[EvalPhoto]
    left_out: Sequence[str] = field(default_factory=tuple)
    encoder: Encoder | None = None
    galleries: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def prepare(self, services: Services) -> None:
        """Nothing is needed."""


def galleries_for(dataset: Dataset, given: Sequence[str]) -> tuple[str, ...]:
    """Return the galleries to search for a set: its own, or those given.

    Raises:
        OptionError: It has its own, and others are given.
    """
    if dataset.galleries and given:
        raise OptionError(
            f"{dataset.name!r} has a gallery of its own, so {', '.join(map(repr, given))} cannot be"
            " searched for it; leave out --gallery"
        )
    return dataset.galleries or tuple(given)


def open_dataset(name: str, columns: Mapping[str, str] | None = None) -> Dataset:
    """Return the set called `name`.

    Args:
        name: A CSV or Parquet table of photos; a folder that holds such a table as `photos.csv` or
            `photos.parquet`, or else photos whose truth is their EXIF; or `world:street`,
            `world:city`, `world:world`, which are simulated.
        columns: Our name of a column to the table's, where it has another.

    Raises:
        SourceError: There is no such set, or it holds no photo that can be used.
    """
    if name.startswith(WORLD):
        # Reads GeoCLIP's places, which no other set needs.
        from geofix.evaluation.worlds.dataset import open_world  # noqa: PLC0415

        return open_world(name.removeprefix(WORLD))
    path = Path(name)
    table = _table_of(path)
    photos, left_out = _by_exif(path) if table is None else read_photo_table(table, columns)
    if not photos:
        raise SourceError(
            f"the data set {name!r} holds no photo to ask about"
            f" ({left_out[0] if left_out else 'it is empty'})"
        )
    _refuse_twins(name, photos)
    return PhotoSet(path.resolve().name, photos, left_out)


def _table_of(path: Path) -> Path | None:
    if not os.path.lexists(path):
        raise SourceError(
            f"there is no data set {str(path)!r}; give a folder or table of photos, or"
            " 'world:street', 'world:city' or 'world:world'"
        )
    if not path.is_dir():
        return path
    return next((path / name for name in TABLE if (path / name).is_file()), None)


def _by_exif(folder: Path) -> tuple[list[EvalPhoto], list[str]]:
    """Return the photos of a folder; where each was taken, its EXIF says."""
    photos, left_out = list[EvalPhoto](), list[str]()
    for item in FolderSource(folder):
        if isinstance(item, Rejected):
            left_out.append(f"{item.item}: {item.reason}")
            continue
        try:
            claim = read_photo(item.picture.read()).claim
        except PhotoError as error:
            left_out.append(str(error))
            continue
        if claim is None or claim.latitude is None or claim.longitude is None:
            left_out.append(f"{item.external_id}: its EXIF has no place")
            continue
        above = Path(item.external_id).parent.as_posix()
        photos.append(
            EvalPhoto(
                id=item.external_id,
                picture=item.picture,
                latitude=claim.latitude,
                longitude=claim.longitude,
                # As in a table: without a name those within the same degree are one place.
                group=degree_of(claim.latitude, claim.longitude) if above == "." else above,
            )
        )
    return photos, left_out


def _refuse_twins(name: str, photos: Sequence[EvalPhoto]) -> None:
    seen = set[str]()
    for photo in photos:
        if photo.id in seen:
            raise SourceError(f"the data set {name!r} has the photo {photo.id!r} twice")
        seen.add(photo.id)
