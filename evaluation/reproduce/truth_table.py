"""Reads the table of a published photo set: names of photos, their places and their authors.

The tables circulate as CSV with names of columns that differ from copy to copy. Seen in public
repositories: `IMG_ID,AUTHOR,LON,LAT,...` with the two headers exchanged (IM2GPS3k of
TIBHannover/GeoEstimation, which G3 and many others use), `IMG_ID,AUTHOR,LAT,LON,...` (their
IM2GPS), `IMG_FILE,LAT,LON` (GeoCLIP), `image,...,lat,lng` (PIGEON),
`name,...,OwnerNSID,...,lon,lat` (YFCC4k of TransGeoCLIP), and
`id,latitude,longitude,...,sequence,...,creator_username` (OSV-5M).
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.columns import check_place
from geofix.tools.sources.table import DELIMITERS

MOST_BYTES = 512 * 1024 * 1024
"""Largest table that is read; OSV-5M's test.csv has 116 MB."""

MOST_ROWS = 1_000_000
"""Most rows that are read; of the sets here OSV-5M's test set is the largest."""

NAMES = (
    *("img_id", "img_file", "image_file", "image_path", "image", "image_id", "filename"),
    *("file_name", "file", "path", "name", "id"),
)
"""What tables call the column with the names of photos, the first that is there."""

LATITUDES = ("latitude", "lat")
LONGITUDES = ("longitude", "lon", "lng", "long")
AUTHORS = ("author", "ownernsid", "creator_username")
SEQUENCES = ("sequence", "sequence_id")

NSID = re.compile(r"\d{3,}@N\d\d")
"""Flickr's id of a user. IM2GPS writes it last in the name of a photo; in some rows of its table
the column AUTHOR has other parts of that name before it."""


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One photo as its table tells it."""

    name: str
    """Its name in the table, often that of its file."""
    latitude: float
    longitude: float
    author: str | None
    sequence: str | None


@dataclass(frozen=True, slots=True)
class TruthTable:
    """A table that was read."""

    path: Path
    rows: tuple[TruthRow, ...]
    left_out: tuple[str, ...]
    """Rows that cannot be used, with the reason."""
    exchanged: bool
    """Whether the headers of latitude and longitude were exchanged, and were taken the other way
    around."""
    unproven: bool
    """Whether no coordinate goes beyond 90 degrees, so that their order cannot be checked."""


def columns_of(header: Sequence[str]) -> dict[str, int] | None:
    """Return where a header has the name, latitude, longitude and more; none if it lacks one."""
    there = [name.strip().lower() for name in header]
    wanted = {
        "name": NAMES,
        "latitude": LATITUDES,
        "longitude": LONGITUDES,
        "author": AUTHORS,
        "sequence": SEQUENCES,
    }
    found = {
        ours: there.index(next(alias for alias in aliases if alias in there))
        for ours, aliases in wanted.items()
        if any(alias in there for alias in aliases)
    }
    return found if {"name", "latitude", "longitude"} <= set(found) else None


def header_of(path: Path) -> list[str]:
    """Return the first line of a table, by cells; empty if it cannot be read as text."""
    try:
        return next(_lines(path), [])
    except SourceError:
        return []


def read_truth_table(path: Path) -> TruthTable:
    """Read a table of photos and their places.

    The headers of latitude and longitude are told apart by range: where a value under the
    latitude's header goes beyond 90 degrees, and none under the longitude's, they are exchanged.

    Raises:
        SourceError: The table is too large, cannot be read, lacks a column or has no usable row.
    """
    _check_size(path)
    lines = _lines(path)
    header = next(lines, [])
    columns = columns_of(header)
    if columns is None:
        raise SourceError(
            f"the table {str(path)!r} needs a column with names of photos ({', '.join(NAMES)}),"
            f" one of latitudes ({', '.join(LATITUDES)}) and one of longitudes"
            f" ({', '.join(LONGITUDES)}); its columns are {', '.join(map(repr, header)) or 'none'}"
        )
    raw, left_out = list[tuple[int, dict[str, str], float, float]](), list[str]()
    for number, cells in enumerate(islice(lines, MOST_ROWS + 1), start=1):
        if number > MOST_ROWS:
            raise SourceError(
                f"the table {str(path)!r} has more than {MOST_ROWS:,} rows; give the table of the"
                " test set alone"
            )
        named = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        try:
            place = float(named["latitude"]), float(named["longitude"])
        except ValueError:
            told = f"{named['latitude']!r}, {named['longitude']!r}"
            left_out.append(f"{path.name} row {number}: {told} is no place")
            continue
        raw.append((number, named, *place))
    beyond = sum(abs(one) > 90 for *_, one, _ in raw), sum(abs(one) > 90 for *_, one in raw)
    exchanged = beyond[0] > 0 and beyond[1] == 0
    rows = list[TruthRow]()
    for number, named, first, second in raw:
        latitude, longitude = (second, first) if exchanged else (first, second)
        try:
            rows.append(_row(named, latitude, longitude))
        except ValueError as error:
            left_out.append(f"{path.name} row {number}: {error}")
    if not rows:
        raise SourceError(
            f"the table {str(path)!r} has no usable row"
            f" ({left_out[0] if left_out else 'it is empty'})"
        )
    return TruthTable(path, tuple(rows), tuple(left_out), exchanged, unproven=beyond == (0, 0))


def author_of(author: str, name: str) -> str | None:
    """Return who took a photo: Flickr's id of the user where there is one, else what is told."""
    found = NSID.search(author) or NSID.search(name)
    return found[0] if found else author or None


def _row(named: dict[str, str], latitude: float, longitude: float) -> TruthRow:
    check_place(latitude, longitude)
    if not named["name"]:
        raise ValueError("its name is empty")
    if "\0" in named["name"]:
        raise ValueError(f"its name {named['name']!r} contains a zero byte")
    return TruthRow(
        name=named["name"],
        latitude=latitude,
        longitude=longitude,
        author=author_of(named.get("author", ""), named["name"]),
        sequence=named.get("sequence") or None,
    )


def _check_size(path: Path) -> None:
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise SourceError(f"the table {str(path)!r} cannot be read: {error.strerror}") from error
    if size > MOST_BYTES:
        raise SourceError(
            f"the table {str(path)!r} has {size:,} bytes; at most {MOST_BYTES:,} are read. Give the"
            " table of the test set alone"
        )


def _lines(path: Path) -> Iterator[list[str]]:
    """Give the rows of a CSV file that are not blank, the header first."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            first = file.readline(csv.field_size_limit())
            file.seek(0)
            delimiter = max(DELIMITERS, key=first.count)
            for cells in csv.reader(file, delimiter=delimiter):
                if any(cell.strip() for cell in cells):
                    yield cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"the table {str(path)!r} cannot be read: {error}; give CSV in UTF-8"
        ) from error
