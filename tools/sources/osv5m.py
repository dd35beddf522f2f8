"""Reads OpenStreetView-5M from Hugging Face (osv5m/osv5m): 5.1 million Mapillary street photos.

`train.csv` and `test.csv` beside `images/train/00.zip` to `97.zip` and `images/test/00.zip` to
`04.zip`, or what was unpacked from these. Not all of them need be there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.joined import JoinedSource
from geofix.tools.sources.protocol import name_of
from geofix.tools.sources.rows import PlacedRow
from geofix.tools.sources.table import open_table

LICENCE = "CC-BY-SA-4.0"

SPLITS = ("train", "test")


def open_osv5m(
    folder: Path,
    *,
    name: str | None = None,
    split: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> JoinedSource:
    """Return a reader of one split.

    Args:
        folder: The dataset's folder.
        name: What the photos are kept under; the folder's name, the split and a mark otherwise.
        split: "train" or "test"; otherwise "train" if that is there.
        columns: Our name of a column to the table's, for derived sets.

    Raises:
        SourceError: The table or the pictures are missing or damaged.
    """
    if split not in (None, *SPLITS):
        raise SourceError(f"OSV-5M has no split {split!r}; its splits are {', '.join(SPLITS)}")
    there = [part for part in SPLITS if os.path.isfile(folder / f"{part}.csv")]
    used = split or (there[0] if there else "train")
    if used not in there:
        raise SourceError(
            f"the folder {str(folder)!r} does not contain {used}.csv; download it from OSV-5M"
        )
    pictures = folder.resolve() / "images" / used
    if not os.path.isdir(pictures):
        raise SourceError(
            f"the folder {str(pictures)!r} does not exist; OSV-5M has its {used} photos there"
        )
    # A folder's name alone would be the same for both splits.
    whole = folder.resolve() / f"{folder.resolve().name}-{used}"
    table = open_table(
        folder / f"{used}.csv", columns=columns, required=("id", "latitude", "longitude")
    )
    return JoinedSource(
        table,
        pictures,
        name=name_of(whole) if name is None else name,
        key_of=photo_id,
        attribution=_attribution,
        licence=LICENCE,
    )


def photo_id(name: str) -> str:
    """Return a photo's number from its id, or from `00/123.jpg`."""
    return os.path.splitext(name.rpartition("/")[2])[0]


def _attribution(row: PlacedRow) -> str:
    link = f"https://www.mapillary.com/app/?pKey={row.external_id}"
    return ", ".join(part for part in ("Mapillary", row.author, link) if part)
