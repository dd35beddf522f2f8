"""Reads a Parquet file, or a folder of them, batch by batch.

What that is, is decided for some rows at a time: where one of them has no place, an id that is
there twice or a type that is seldom, all of them are read one by one, which finds the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.tools.errors import SourceError
from geofix.tools.geo.distance import HALF_CIRCUMFERENCE_KM
from geofix.tools.once import once_property
from geofix.tools.sources.columns import REQUIRED_COLUMNS, find_columns, instant_of
from geofix.tools.sources.placed_block import PlacedBlock, RowLabels, block_of
from geofix.tools.sources.rows import Row, SeenIds, check_head, placed_once

Columns = Mapping[str, Any]
"""Our name of a column to its cells, a `pyarrow.Array`."""


def plain_block(columns: Columns, labels: Sequence[str], seen: SeenIds) -> PlacedBlock | None:
    """Return a block that keeps all of its rows; none where they have to be read one by one.

    Each row is what `rows.placed` makes of it. The ids are added to `seen`, with none nothing is.
    """
    ids, places = _ids(columns, len(labels)), _places(columns)
    accuracies_km = _accuracies_km(columns, len(labels))
    names = ("author", "licence", "attribution")
    terms = [_texts(columns, name, len(labels)) for name in names]
    instants = _instants(columns, len(labels))
    if ids is None or places is None or accuracies_km is None or instants is None:
        return None
    authors, licences, attributions = (_or_none(texts) for texts in terms)
    if authors is None or licences is None or attributions is None or not seen.keep_new(ids):
        return None
    return PlacedBlock(
        labels=labels,
        positions=np.arange(len(labels)),
        external_ids=ids,
        latitudes=places[0],
        longitudes=places[1],
        accuracies_km=accuracies_km,
        authors=authors,
        licences=licences,
        attributions=attributions,
        captured_at=instants,
        rejected=[],
    )


def _ids(columns: Columns, rows: int) -> list[str] | None:
    if "path" not in columns:
        ids = _texts(columns, "id", rows)
    else:
        paths = _texts(columns, "path", rows)
        if paths is None or not all(paths):
            return None
        named = _texts(columns, "id", rows)
        ids = None if named is None else [a or b for a, b in zip(named, paths, strict=True)]
    return ids if ids is not None and all(ids) else None


def _places(columns: Columns) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    latitudes, longitudes = _numbers(columns["latitude"]), _numbers(columns["longitude"])
    if latitudes is None or longitudes is None:
        return None
    # Also false for NaN, which stands for null here too.
    there = (np.abs(latitudes) <= 90) & (np.abs(longitudes) <= 180)
    set_ = (latitudes != 0) | (longitudes != 0)
    return (latitudes, longitudes) if (there & set_).all() else None


def _accuracies_km(columns: Columns, rows: int) -> NDArray[np.float64] | None:
    if "truth" in columns:
        return None
    if "accuracy_km" not in columns:
        return np.zeros(rows)
    found = _numbers(columns["accuracy_km"])
    if found is None:
        return None
    found = np.where(np.isnan(found), 0.0, found)
    return found if ((found >= 0) & (found <= HALF_CIRCUMFERENCE_KM)).all() else None


def _numbers(column: Any) -> NDArray[np.float64] | None:
    """Return a column of numbers, NaN for null."""
    import pyarrow as pa  # noqa: PLC0415 - native code that only Parquet needs

    kind = column.type
    if not (pa.types.is_float32(kind) or pa.types.is_float64(kind) or pa.types.is_integer(kind)):
        return None
    numbers: NDArray[np.float64] = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers


def _texts(columns: Columns, name: str, rows: int) -> list[str] | None:
    """Return a column as `cells.text_of` does, one that is not there as empty."""
    import pyarrow as pa  # noqa: PLC0415 - see `_numbers`

    if name not in columns or pa.types.is_null(columns[name].type):
        return [""] * rows
    column = columns[name]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_integer(column.type) and not column.null_count:
        return list(map(str, column.to_numpy().tolist()))
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return None
    texts = [(text and text.strip()) or "" for text in column.to_numpy(zero_copy_only=False)]
    return None if "\0" in "".join(texts) else texts


def _or_none(texts: list[str] | None) -> list[str | None] | None:
    return None if texts is None else [text or None for text in texts]


def _instants(columns: Columns, rows: int) -> list[datetime | None] | None:
    if "captured_at" not in columns:
        return [None] * rows
    try:
        return [instant_of({"captured_at": cell}) for cell in as_python(columns["captured_at"])]
    except ValueError:
        return None


def as_python(column: Any) -> list[Any]:
    """Return a column as Python objects; instants lose what is below a microsecond."""
    import pyarrow as pa  # noqa: PLC0415 - see `_numbers`

    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return list(column.to_pylist())


ROWS_A_READ = 1024
"""Rows that are in memory at a time."""

PICTURES = 64
"""The same where the pictures themselves stand in the table."""


class ParquetTable:
    """Rows of one schema."""

    def __init__(
        self,
        path: Path,
        *,
        columns: Mapping[str, str] | None = None,
        required: Sequence[str] = REQUIRED_COLUMNS,
    ) -> None:
        """Read the schema and the first rows.

        Args:
            path: A Parquet file, or a folder whose Parquet files are read by name.
            columns: Our name of a column to the table's.
            required: Our names of the columns that have to be there.

        Raises:
            SourceError: It cannot be read, lacks a column, or its coordinates are mistaken.
        """
        self.path = path.resolve()
        self.files = parquet_files(self.path)
        with readable(path), open_parquet(self.files[0]) as file:
            schema = file.schema_arrow
        header = list(schema.names)
        found = find_columns(path, header, columns, required)
        self.names = {name: header[at] for name, at in found.items()}
        path_type = schema.field(found["path"]).type if "path" in found else None
        self._batch = PICTURES if "struct" in str(path_type) else ROWS_A_READ
        check_head(self)

    def rows(self) -> Iterator[Row]:
        """Give the rows; vectors are left where they are.

        Raises:
            SourceError: A file is damaged.
        """
        for labels, columns, _ in self._batches(self._batch):
            yield from _row_by_row(labels, columns)

    def blocks(self, size: int) -> Iterator[PlacedBlock]:
        """Give what `placed_rows` gives, in blocks of at most `size` rows.

        Raises:
            SourceError: As `rows`.
        """
        return (block for block, _ in self.blocks_with(None, size))

    def blocks_with(self, beside: str | None, size: int) -> Iterator[tuple[PlacedBlock, Any]]:
        """Give the same, each block with its cells of one more column of the table."""
        seen = SeenIds()
        for labels, columns, more in self._batches(min(size, self._batch), beside):
            block = plain_block(columns, labels, seen)
            if block is None:
                block = block_of(list(placed_once(_row_by_row(labels, columns), seen)))
            yield block, more

    def _batches(
        self, size: int, beside: str | None = None
    ) -> Iterator[tuple[RowLabels, dict[str, Any], Any]]:
        """Give labels, our columns, and that one more."""
        wanted = {name: column for name, column in self.names.items() if name != "embedding"}
        # One column may serve twice, as id and as path.
        columns = list(dict.fromkeys([*wanted.values(), *([] if beside is None else [beside])]))
        for path in self.files:
            first = 1
            with readable(path), open_parquet(path) as file:
                for batch in file.iter_batches(batch_size=size, columns=columns):
                    cells = {name: batch.column(column) for name, column in wanted.items()}
                    labels = RowLabels(path.name, first, batch.num_rows)
                    first += batch.num_rows
                    yield labels, cells, None if beside is None else batch.column(beside)

    def total(self) -> int:
        """Say how many rows there are, from the files' own records."""
        return self._total

    @once_property
    def _total(self) -> int:
        count = 0
        for path in self.files:
            with readable(path), open_parquet(path) as file:
                count += int(file.metadata.num_rows)
        return count


def _row_by_row(labels: RowLabels, columns: Mapping[str, Any]) -> Iterator[Row]:
    lists = {name: as_python(column) for name, column in columns.items()}
    for at, label in enumerate(labels):
        yield Row(label, _unwrapped({name: cells[at] for name, cells in lists.items()}, label))


def _unwrapped(cells: dict[str, Any], label: str) -> dict[str, Any]:
    """Part a picture that stands in the table (Hugging Face: bytes, path) from its name."""
    picture = cells.get("path")
    if not isinstance(picture, dict):
        return cells
    return cells | {"path": picture.get("path") or label, "picture": picture.get("bytes")}


def parquet_files(path: Path) -> list[Path]:
    """Return the Parquet files at a path, by name.

    Raises:
        SourceError: It is a folder without one.
    """
    if not os.path.isdir(path):
        return [path]
    files = sorted(entry for entry in path.iterdir() if entry.suffix == ".parquet")
    if not files:
        raise SourceError(f"the folder {str(path)!r} contains no .parquet file")
    return files


def open_parquet(path: Path) -> Any:
    """Return a `pyarrow.parquet.ParquetFile`."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - native code that only Parquet needs

    return pq.ParquetFile(path)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises into `SourceError`."""
    import pyarrow as pa  # noqa: PLC0415 - see `open_parquet`

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"the Parquet file {str(path)!r} cannot be read: {error}. Write it again"
        ) from error
