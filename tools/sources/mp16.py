"""Reads MP-16, MP16-Pro and test sets of the same form (Im2GPS, Im2GPS3k, YFCC4k, YFCC26k).

A table with the columns IMG_ID, LAT, LON and often AUTHOR, as GeoEstimation, GeoCLIP, G3 and
Img2Loc use it, beside a folder or tars of Flickr photos. `7b/a4/8868110013.jpg` in the table is
that file in nested folders, or `7b_a4_8868110013.jpg` in one folder or tar.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.joined import JoinedSource
from geofix.tools.sources.protocol import name_of
from geofix.tools.sources.rows import PlacedRow
from geofix.tools.sources.table import open_table

MP16_TABLES = (
    *("MP16_Pro_places365.csv", "MP16_Pro_filtered.csv", "mp16_places365.csv"),
    *("im2gps3k_places365.csv", "im2gps_places365.csv", "yfcc4k_places365.csv", "yfcc4k.csv"),
    *("yfcc25600_places365.csv",),
)
"""Known names; the first of those that are there is used."""

# Two folders of two hex digits each, as MP-16 spreads its photos.
_NESTED = re.compile(r"(?:^|[/_])([0-9a-f]{2})[/_]([0-9a-f]{2})[/_]([^/_]+)$")
_NUMBER = re.compile(r"\d{5,}")
_PIECE = re.compile(r"mp-16-images\d\d")


def open_mp16(
    folder: Path,
    *,
    name: str | None = None,
    table: Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> JoinedSource:
    """Return a reader of such a set.

    Args:
        folder: Searched for pictures, and zips and tars of them, with all folders below it.
        name: What the photos are kept under; the folder's name and a mark otherwise.
        table: The table; otherwise one of `MP16_TABLES` in the folder or in `metadata` below it.
        columns: Our name of a column to the table's.

    Raises:
        SourceError: The table or the pictures are missing or damaged.
    """
    if not os.path.isdir(folder):
        raise SourceError(
            f"the folder {str(folder)!r} does not exist; give the folder with the photos of MP-16"
        )
    used = table or find_table(folder)
    if used is None:
        raise SourceError(
            f"the folder {str(folder)!r} contains none of {', '.join(MP16_TABLES)}; give the table"
            " with --table"
        )
    names = os.listdir(folder)
    pieces = [entry for entry in names if _PIECE.fullmatch(entry)]
    if pieces and not {"mp-16-images.tar", "images"} & set(names):
        raise SourceError(
            f"the folder {str(folder)!r} contains a tar in {len(pieces)} pieces; join them with"
            " `cat mp-16-images?? > mp-16-images.tar`"
        )
    read = open_table(used, columns=columns, required=("id", "latitude", "longitude"))
    return JoinedSource(
        read,
        folder.resolve(),
        name=name_of(folder.resolve()) if name is None else name,
        key_of=file_name,
        attribution=_attribution,
    )


def find_table(folder: Path) -> Path | None:
    """Return the table of a folder, if it has one of the known names."""
    below = [folder, folder / "metadata"]
    paths = (place / name for name in MP16_TABLES for place in below)
    return next((path for path in paths if os.path.isfile(path)), None)


def file_name(name: str) -> str:
    """Return what an IMG_ID and the path of its picture have in common."""
    nested = _NESTED.search(name)
    return "_".join(nested.groups()) if nested else name.rpartition("/")[2]


def _attribution(row: PlacedRow) -> str | None:
    # Flickr's number of a photo stands last in MP-16's names and first in those of Im2GPS3k.
    name = row.external_id.rpartition("/")[2]
    nested = _NESTED.search(row.external_id)
    number = _NUMBER.match(nested[3] if nested else name)
    if row.author is None or number is None:
        return None
    return f"Flickr, https://www.flickr.com/photos/{row.author}/{number[0]}"
