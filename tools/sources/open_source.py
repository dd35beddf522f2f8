"""Chooses the reader for a source."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.columns import ALIASES
from geofix.tools.sources.folder import FolderSource
from geofix.tools.sources.geojson import SUFFIXES, GeoJsonTable
from geofix.tools.sources.mp16 import find_table, open_mp16
from geofix.tools.sources.osv5m import SPLITS, open_osv5m
from geofix.tools.sources.parquet import ParquetTable, open_parquet, readable
from geofix.tools.sources.protocol import Source, VectorSource
from geofix.tools.sources.table import CsvTable, Reader, TableSource
from geofix.tools.sources.vector_files import NpySource, ParquetVectorSource
from geofix.tools.sources.webdataset import WebDatasetSource, expand, is_tar


@dataclass(frozen=True, slots=True)
class Collection:
    """Where photos or vectors are, and what was said of them."""

    path: Path
    name: str | None = None
    columns: Mapping[str, str] | None = None
    table: Path | None = None
    split: str | None = None
    files: Sequence[str] | None = None
    """Names in the folder; none where it is no folder."""

    @property
    def parquet(self) -> Path | None:
        """The Parquet file it is, or the first in the folder."""
        if self.files is None:
            return self.path if self.path.suffix == ".parquet" else None
        first = next((name for name in sorted(self.files) if name.endswith(".parquet")), None)
        return None if first is None else self.path / first


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of collection that can be read."""

    name: str
    help: str
    """What it is, in words."""
    open: Callable[[Collection], Source | VectorSource]
    """Gives a reader; no photo is opened."""
    fits: Callable[[Collection], bool]
    """Whether a collection looks like one, by names alone and a Parquet file's schema."""
    takes: frozenset[str] = field(default=frozenset({"--column"}))
    """Options that say something of it."""


def _is_osv5m(found: Collection) -> bool:
    files = found.files or ()
    return "images" in files and any(f"{split}.csv" in files for split in SPLITS)


def _has_vectors(found: Collection) -> bool:
    if found.parquet is None:
        return found.files is None and found.path.suffix == ".npy"
    with readable(found.parquet), open_parquet(found.parquet) as file:
        fields = {field.name.lower(): str(field.type) for field in file.schema_arrow}
    return any("list<" in fields.get(name, "") for name in ALIASES["embedding"])


def _read_by(reader: Reader) -> Callable[[Collection], Source]:
    """Return what opens a table of one format, whatever its name ends in."""
    return lambda found: TableSource(
        found.path, name=found.name, columns=found.columns, reader=reader
    )


def _open_vectors(found: Collection) -> VectorSource:
    path, table = found.path, found.table
    if path.suffix == ".npy":
        beside = [path.with_suffix(suffix) for suffix in (".csv", ".parquet")]
        used = table or next((place for place in beside if os.path.isfile(place)), None)
        if used is None:
            raise SourceError(f"there is no table beside {str(path)!r}; give it with --table")
        return NpySource(path, used, name=found.name, columns=found.columns)
    if table is not None:
        raise SourceError(
            f"--table {str(table)!r} is only for vectors in .npy; a Parquet table has its places"
            " in the same rows"
        )
    return ParquetVectorSource(path, name=found.name, columns=found.columns)


SOURCE_KINDS: tuple[SourceKind, ...] = (
    SourceKind(
        "folder",
        "a folder of photos with GPS in EXIF",
        lambda found: FolderSource(found.path, name=found.name),
        lambda found: found.files is not None,
        frozenset(),
    ),
    SourceKind("csv", "a CSV table", _read_by(CsvTable), lambda found: found.files is None),
    SourceKind(
        "geojson",
        "points in GeoJSON, with the paths of photos",
        _read_by(GeoJsonTable),
        lambda found: found.files is None and found.path.suffix.lower() in SUFFIXES,
    ),
    SourceKind(
        "parquet",
        "a Parquet table, or a folder of them",
        _read_by(ParquetTable),
        lambda found: found.parquet is not None,
    ),
    SourceKind(
        "vectors",
        "vectors in .npy with a table, or in Parquet",
        _open_vectors,
        _has_vectors,
        frozenset({"--column", "--table"}),
    ),
    SourceKind(
        "webdataset",
        "tar shards",
        lambda found: WebDatasetSource(found.path, name=found.name, columns=found.columns),
        lambda found: any(map(is_tar, found.files or [found.path.name])),
    ),
    SourceKind(
        "mp16",
        "MP-16 or a data set of the same form: a table with IMG_ID, LAT and LON, and photos",
        lambda found: open_mp16(
            found.path, name=found.name, table=found.table, columns=found.columns
        ),
        lambda found: found.files is not None and find_table(found.path) is not None,
        frozenset({"--column", "--table"}),
    ),
    SourceKind(
        "osv5m",
        "OpenStreetView-5M as downloaded",
        lambda found: open_osv5m(
            found.path, name=found.name, split=found.split, columns=found.columns
        ),
        _is_osv5m,
        frozenset({"--column", "--split"}),
    ),
)
"""Every kind of collection that can be read, from general to special: the last that fits is
taken."""


def open_source(
    path: Path,
    *,
    name: str | None = None,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
    table: Path | None = None,
    split: str | None = None,
    kinds: Sequence[SourceKind] = SOURCE_KINDS,
) -> Source | VectorSource:
    """Return a reader of the collection at `path`; no photo is opened.

    Args:
        path: Path of the source.
        name: Name of the collection. Default: `name_of(path)`.
        kind: One of `kinds`. Default: recognised from the source.
        columns: geofix's names of columns to the table's, for names not in `columns.ALIASES`.
        table: The table of vectors in .npy or of MP-16. Default: the table with the usual name.
        split: "train" or "test" of OSV-5M.
        kinds: The kinds that can be read.

    Raises:
        SourceError: The source does not exist or does not fit its kind, or an argument is not for
            this kind.
    """
    named = {one.name: one for one in kinds}
    if kind is not None and kind not in named:
        raise SourceError(f"{kind!r} is not a kind of source; the kinds are {_listed(kinds)}")
    found = Collection(path, name, columns, table, split)
    chosen = _fitting(found, kinds) if kind is None else named[kind]
    for option, value in (("--table", table), ("--split", split), ("--column", columns or None)):
        if value is not None and option not in chosen.takes:
            takers = sorted(one.name for one in kinds if option in one.takes)
            raise SourceError(
                f"{option} is only for {', '.join(takers)}, and this source is read as"
                f" {chosen.name!r}; choose another kind with --kind"
            )
    return chosen.open(found)


def _fitting(found: Collection, kinds: Sequence[SourceKind]) -> SourceKind:
    path = found.path
    # Not `Path.is_dir`, which raises where a folder above may not be looked into.
    if os.path.isdir(path):
        try:
            found = replace(found, files=os.listdir(path))
        except OSError as error:
            raise SourceError(
                f"the folder {str(path)!r} cannot be read: {error.strerror}"
            ) from error
    elif not os.path.lexists(path) and (not is_tar(path.name) or expand(str(path)) == [str(path)]):
        raise SourceError(f"{str(path)!r} does not exist; give {_listed(kinds)}")
    return next(kind for kind in reversed(kinds) if kind.fits(found))


def _listed(kinds: Sequence[SourceKind]) -> str:
    return "; ".join(f"{kind.name}: {kind.help}" for kind in kinds)
