"""The photo sets of the field, in the forms in which they circulate."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from geofix.evaluation.datasets import PhotoSet, degree_of
from geofix.evaluation.reproduce.pictures import PicturesOfSet, Sized, placeholders_of
from geofix.evaluation.reproduce.truth_table import (
    LATITUDES,
    LONGITUDES,
    TruthRow,
    TruthTable,
    columns_of,
    header_of,
    read_truth_table,
)
from geofix.evaluation.run.result import EvalPhoto
from geofix.tools.errors import SourceError

NAMED = 3
"""Photos that a note names; the others are counted."""

DEPTH = 2
"""Folders below the one that is given in which tables are looked for."""


@dataclass(frozen=True, slots=True)
class BenchmarkSet:
    """One set, and what it is called in published copies."""

    name: str
    title: str
    photos: int | None
    """As published; none where no source was read."""
    tables: tuple[str, ...]
    """Names of its table in public repositories."""
    source: str
    """Who made it."""
    where: str
    """Where its table and its pictures are published."""
    pictures: tuple[str, ...] = ()
    """Folders with the pictures of this set, where the folder holds others too."""


_GEOESTIMATION = "https://github.com/TIBHannover/GeoEstimation (branch original_tf, meta/)"

SETS: dict[str, BenchmarkSet] = {
    one.name: one
    for one in (
        BenchmarkSet(
            "im2gps",
            "IM2GPS",
            237,
            ("im2gps_places365.csv", "im2gps.csv", "im2gps_237.csv", "im2gps_aug.csv"),
            "Hays and Efros, CVPR 2008",
            f"table {_GEOESTIMATION}; pictures http://graphics.cs.cmu.edu/projects/im2gps/"
            " (gps_query_imgs.zip)",
        ),
        BenchmarkSet(
            "im2gps3k",
            "IM2GPS3k",
            2_997,
            ("im2gps3k_places365.csv", "im2gps3k.csv", "im2gps3k_aug.csv"),
            "Vo, Jacobs and Hays, ICCV 2017",
            f"table {_GEOESTIMATION}; pictures https://github.com/lugiavn/revisiting-im2gps"
            " (im2gps3ktest.zip)",
        ),
        BenchmarkSet(
            "yfcc4k",
            "YFCC4k",
            4_536,
            ("yfcc4k_places365.csv", "yfcc4k.csv", "yfcc4k_aug.csv"),
            "Vo, Jacobs and Hays, ICCV 2017",
            "table https://huggingface.co/Jia-py/G3-checkpoint; pictures"
            " https://github.com/lugiavn/revisiting-im2gps (yfcc4k.zip)",
        ),
        BenchmarkSet(
            "gws15k",
            "GWS15k",
            14_955,
            ("gws15k.csv", "gws15k_aug.csv", "gws15k_aug_2.csv", "GWS15k.csv"),
            "Clark et al., CVPR 2023",
            "it was never published; groups rebuild it from Street View, so that copies differ",
        ),
        BenchmarkSet(
            "osv5m",
            "OSV-5M test",
            None,
            ("test.csv",),
            "Astruc et al., CVPR 2024",
            "https://huggingface.co/datasets/osv5m/osv5m (test.csv, images/test/00.zip to 04.zip)",
            ("images/test", "test"),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class OpenedSet:
    """A set as it lies in a folder."""

    benchmark: BenchmarkSet
    table: TruthTable
    photos: tuple[EvalPhoto, ...]
    sizes: dict[str, int] = field(repr=False)
    """Bytes of each photo's file, by its name."""
    missing: tuple[str, ...]
    """Names in the table without a picture."""
    placeholders: tuple[str, ...]
    """Names whose picture is a notice that the photo is gone."""
    notes: tuple[str, ...]
    """What was noticed, a sentence each."""

    def as_dataset(self) -> PhotoSet:
        """Return it as evaluations take sets."""
        return PhotoSet(self.benchmark.title, self.photos, self.table.left_out)


def open_set(name: str, folder: Path, table: Path | None = None) -> OpenedSet:
    """Return a published set that lies in a folder; no photo is decoded.

    Args:
        name: A key of `SETS`.
        folder: With its table and its pictures, in folders, zips or tars.
        table: Its table, where the folder has none with a known name.

    Raises:
        SourceError: The folder or the table is missing, or no photo can be used.
    """
    benchmark = SETS[name]
    if not os.path.isdir(folder):
        raise SourceError(
            f"there is no folder {str(folder)!r}; give the folder with {benchmark.title}:"
            f" {benchmark.where}"
        )
    read = read_truth_table(table or find_table(benchmark, folder))
    rows, twice = _once(read.rows)
    pictures = PicturesOfSet(_picture_folder(benchmark, folder))
    found = {row.name: one for row in rows if (one := pictures.find(row.name)) is not None}
    if not found:
        raise SourceError(
            f"none of the {len(rows):,} photos of {str(read.path)!r} is in {str(folder)!r}: it"
            f" contains {pictures.count:,} pictures, and the table's first is {rows[0].name!r}."
            f" {benchmark.title}: {benchmark.where}"
        )
    notices, unreadable = placeholders_of(found, rows)
    photos = tuple(_photo(row, found[row.name]) for row in rows if _usable(row, found, notices))
    if not photos:
        raise SourceError(
            f"all {len(found):,} pictures of {str(read.path)!r} in {str(folder)!r} are notices that"
            " the photo is gone; get another copy of the set"
        )
    missing = tuple(row.name for row in rows if row.name not in found)
    return OpenedSet(
        benchmark=benchmark,
        table=read,
        photos=photos,
        sizes={name: one.size for name, one in found.items()},
        missing=missing,
        placeholders=tuple(row.name for row in rows if row.name in notices),
        notes=tuple(
            _notes(benchmark, read, rows, twice, missing, sorted(notices), unreadable, len(photos))
        ),
    )


def find_table(benchmark: BenchmarkSet, folder: Path) -> Path:
    """Return the table of a set in a folder: one with a known name, or the only one that fits.

    Raises:
        SourceError: There is none, or several could be meant.
    """
    tables = sorted(_tables_below(folder))
    known = [path for wanted in benchmark.tables for path in tables if path.name == wanted]
    if known:
        return known[0]
    others = {name for one in SETS.values() for name in one.tables}
    fitting = [
        path
        for path in tables
        if path.name not in others and columns_of(header_of(path)) is not None
    ]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(path.relative_to(folder).as_posix() for path in tables) or "no CSV file"
    columns = f"names of photos, {' or '.join(LATITUDES)}, {' or '.join(LONGITUDES)}"
    raise SourceError(
        f"the table of {benchmark.title} was not found in {str(folder)!r}: looked for"
        f" {', '.join(benchmark.tables)}, or one CSV file with {columns}; it contains {there}."
        f" Give the right one with --table. {benchmark.title}: {benchmark.where}"
    )


def _tables_below(folder: Path) -> Iterator[Path]:
    for root, below, files in os.walk(folder):
        here = Path(root)
        if len(here.relative_to(folder).parts) >= DEPTH:
            below.clear()
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield from (here / name for name in files if name.lower().endswith(".csv"))


def _picture_folder(benchmark: BenchmarkSet, folder: Path) -> Path:
    own = (folder / name for name in benchmark.pictures)
    return next((place for place in own if place.is_dir()), folder)


def _once(rows: Sequence[TruthRow]) -> tuple[list[TruthRow], list[str]]:
    """Return the first row of each name, and the names that other rows have as well."""
    first: dict[str, TruthRow] = {}
    twice = list[str]()
    for row in rows:
        if first.setdefault(row.name, row) is not row:
            twice.append(row.name)
    return list(first.values()), twice


def _usable(row: TruthRow, found: dict[str, Sized], notices: frozenset[str]) -> bool:
    return row.name in found and row.name not in notices


def _photo(row: TruthRow, sized: Sized) -> EvalPhoto:
    return EvalPhoto(
        id=row.name,
        picture=sized.picture,
        latitude=row.latitude,
        longitude=row.longitude,
        group=degree_of(row.latitude, row.longitude),
        sequence=row.sequence,
        author=row.author,
    )


def _notes(
    benchmark: BenchmarkSet,
    table: TruthTable,
    rows: Sequence[TruthRow],
    twice: Sequence[str],
    missing: Sequence[str],
    notices: Sequence[str],
    unreadable: Sequence[str],
    usable: int,
) -> Iterator[str]:
    total = len(rows) + len(table.left_out)
    if benchmark.photos is not None and total != benchmark.photos:
        yield (
            f"{table.path.name} has {total:,} photos; {benchmark.title} was published with"
            f" {benchmark.photos:,}."
        )
    if table.exchanged:
        yield (
            f"The headers of latitude and longitude in {table.path.name} are exchanged: values"
            " under the latitude's go beyond 90 degrees. They were taken the other way around."
        )
    if table.unproven:
        yield (
            f"No coordinate in {table.path.name} goes beyond 90 degrees, so the order of latitude"
            " and longitude could not be checked."
        )
    for what, some in (
        ("Rows of the table that cannot be used", table.left_out),
        ("Rows with the name of an earlier row, left out", twice),
        ("Photos without a picture, left out", missing),
        ("Pictures that are a notice that the photo is gone, left out", notices),
        ("Pictures that cannot be read, asked about all the same and counted as wrong", unreadable),
    ):
        if some:
            yield f"{what}: {len(some):,} ({_named(some)})."
    yield f"Used: {usable:,} of {total:,} photos."


def _named(names: Sequence[str]) -> str:
    rest = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest
