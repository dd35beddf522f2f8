"""Rows of a Parquet table read column by column, where nothing about them is out of the ordinary.

What that is, is decided for some rows at a time: where one of them has no place, an id that is
there twice or a type that is seldom, all of them are read one by one, which finds the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofix.tools.geo import HALF_CIRCUMFERENCE_KM
from geofix.tools.sources.cells import instant_of
from geofix.tools.sources.marks import SeenIds
from geofix.tools.sources.placed_block import PlacedBlock

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
        return [instant_of({"captured_at": cell}) for cell in plain(columns["captured_at"])]
    except ValueError:
        return None


def plain(column: Any) -> list[Any]:
    """Return a column as Python objects; instants lose what is below a microsecond."""
    import pyarrow as pa  # noqa: PLC0415 - see `_numbers`

    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return list(column.to_pylist())
