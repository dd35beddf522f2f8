"""Sets of photos with their truth, by what somebody writes: a folder, a table, or a world."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geofix.evaluation.eval_photo import Dataset, EvalPhoto
from geofix.evaluation.photo_table import TABLE, degree_of, read_photo_table
from geofix.tools.encoders import Encoder
from geofix.tools.errors import PhotoError, SourceError
from geofix.tools.images import read_photo
from geofix.tools.sources.folder import FolderSource
from geofix.tools.sources.protocol import Rejected

if TYPE_CHECKING:
    from geofix.agent.services import Services

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
        from geofix.evaluation.world_dataset import open_world  # noqa: PLC0415

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
