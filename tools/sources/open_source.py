"""Chooses the reader for a source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from geofix.tools.errors import SourceError
from geofix.tools.sources.columns import ALIASES
from geofix.tools.sources.folder import FolderSource
from geofix.tools.sources.mp16 import find_table, open_mp16
from geofix.tools.sources.osv5m import SPLITS, open_osv5m
from geofix.tools.sources.parquet import open_parquet, readable
from geofix.tools.sources.protocol import Source, VectorSource
from geofix.tools.sources.table import TableSource
from geofix.tools.sources.vector_files import NpySource, ParquetVectorSource
from geofix.tools.sources.webdataset import WebDatasetSource, expand, is_tar

SOURCE_KINDS = {
    "folder": "a folder of photos with GPS in EXIF",
    "csv": "a CSV table",
    "parquet": "a Parquet table, or a folder of them",
    "osv5m": "OpenStreetView-5M as downloaded",
    "mp16": "MP-16 or a data set of the same form: a table with IMG_ID, LAT and LON, and photos",
    "webdataset": "tar shards",
    "vectors": "vectors in .npy with a table, or in Parquet",
}
"""The kinds of sources and their descriptions."""


def open_source(
    path: Path,
    *,
    name: str | None = None,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
    table: Path | None = None,
    split: str | None = None,
) -> Source | VectorSource:
    """Return a reader of the collection at `path`; no photo is opened.

    Args:
        path: Path of the source.
        name: Name of the collection. Default: `name_of(path)`.
        kind: One of `SOURCE_KINDS`. Default: recognised from the source.
        columns: geofix's names of columns to the table's, for names not in `columns.ALIASES`.
        table: The table of vectors in .npy or of MP-16. Default: the table with the usual name.
        split: "train" or "test" of OSV-5M.

    Raises:
        SourceError: The source does not exist or does not fit its kind, or an argument is not for
            this kind.
    """
    if kind is not None and kind not in SOURCE_KINDS:
        raise SourceError(f"{kind!r} is not a kind of source; the kinds are {_listed()}")
    kind = kind or guess_kind(path, table=table)
    _refuse("--table", table, kind, ("mp16", "vectors"))
    _refuse("--split", split, kind, ("osv5m",))
    _refuse("--column", columns or None, kind, tuple(set(SOURCE_KINDS) - {"folder"}))
    if kind == "folder":
        return FolderSource(path, name=name)
    if kind == "osv5m":
        return open_osv5m(path, name=name, split=split, columns=columns)
    if kind == "mp16":
        return open_mp16(path, name=name, table=table, columns=columns)
    if kind == "webdataset":
        return WebDatasetSource(path, name=name, columns=columns)
    if kind == "vectors":
        return _open_vectors(path, name, columns, table)
    return TableSource(path, name=name, columns=columns)


def guess_kind(path: Path, *, table: Path | None = None) -> str:
    """Return the kind of a source, recognised from file names and from a Parquet file's schema.

    Raises:
        SourceError: The source does not exist.
    """
    # Not `Path.is_dir`, which raises where a folder above may not be looked into.
    if os.path.isdir(path):
        return _guess_folder(path)
    if is_tar(path.name) and (os.path.lexists(path) or expand(str(path)) != [str(path)]):
        return "webdataset"
    if not os.path.lexists(path):
        raise SourceError(f"{str(path)!r} does not exist; give {_listed()}")
    if path.suffix == ".npy":
        return "vectors"
    if path.suffix == ".parquet":
        return "vectors" if _has_vectors(path) else "parquet"
    return "csv"


def _guess_folder(path: Path) -> str:
    try:
        names = os.listdir(path)
    except OSError as error:
        raise SourceError(f"the folder {str(path)!r} cannot be read: {error.strerror}") from error
    if "images" in names and any(f"{split}.csv" in names for split in SPLITS):
        return "osv5m"
    if find_table(path) is not None:
        return "mp16"
    if any(is_tar(name) for name in names):
        return "webdataset"
    first = next((name for name in sorted(names) if name.endswith(".parquet")), None)
    if first is not None:
        return "vectors" if _has_vectors(path / first) else "parquet"
    return "folder"


def _has_vectors(path: Path) -> bool:
    with readable(path), open_parquet(path) as file:
        fields = {field.name.lower(): str(field.type) for field in file.schema_arrow}
    return any("list<" in fields.get(name, "") for name in ALIASES["embedding"])


def _open_vectors(
    path: Path, name: str | None, columns: Mapping[str, str] | None, table: Path | None
) -> VectorSource:
    if path.suffix == ".npy":
        beside = [path.with_suffix(suffix) for suffix in (".csv", ".parquet")]
        used = table or next((place for place in beside if os.path.isfile(place)), None)
        if used is None:
            raise SourceError(f"there is no table beside {str(path)!r}; give it with --table")
        return NpySource(path, used, name=name, columns=columns)
    if table is not None:
        raise SourceError(
            f"--table {str(table)!r} is only for vectors in .npy; a Parquet table has its places"
            " in the same rows"
        )
    return ParquetVectorSource(path, name=name, columns=columns)


def _refuse(option: str, value: object, kind: str, kinds: tuple[str, ...]) -> None:
    if value is not None and kind not in kinds:
        raise SourceError(
            f"{option} is only for {', '.join(sorted(kinds))}, and this source is read as"
            f" {kind!r}; choose another kind with --kind"
        )


def _listed() -> str:
    return "; ".join(f"{kind}: {text}" for kind, text in SOURCE_KINDS.items())
