"""Reads photos from GeoJSON (RFC 7946): points whose properties say where the picture is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from geofix.tools.errors import SourceError
from geofix.tools.sources.columns import HEAD, REQUIRED_COLUMNS, find_columns
from geofix.tools.sources.placed_block import PlacedBlock, blocks_of
from geofix.tools.sources.protocol import Rejected
from geofix.tools.sources.rows import Row, check_head, placed_rows

SUFFIXES = (".geojson", ".json")

LARGEST_BYTES = 500_000_000
"""The file is held in memory as a whole, at about ten times its size."""

WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326")
"""How files from before RFC 7946 name what is now the only reference system."""

PLACE = ("longitude", "latitude")
"""Columns made from a point, in the order of its coordinates."""


class GeoJsonTable:
    """The points of a FeatureCollection as rows; their properties are the other columns."""

    def __init__(
        self,
        path: Path,
        *,
        columns: Mapping[str, str] | None = None,
        required: Sequence[str] = REQUIRED_COLUMNS,
    ) -> None:
        """Read the file.

        Args:
            path: A FeatureCollection in UTF-8.
            columns: Our name of a column to the property's.
            required: Our names of the columns that have to be there.

        Raises:
            SourceError: It is not a FeatureCollection in WGS84, is too large, lacks a property that
                is needed, or its coordinates are mistaken.
        """
        self.path = path.resolve()
        self._features = _features(path)
        properties = (_properties(one) for one in islice(self._features, HEAD))
        named = dict.fromkeys(name for one in properties for name in one)
        header = [*PLACE, *(name for name in named if name.lower() not in PLACE)]
        found = find_columns(path, header, columns, required)
        self.names = {name: header[at] for name, at in found.items()}
        check_head(self)

    def rows(self) -> Iterator[Row | Rejected]:
        """Yield the features in order."""
        for number, feature in enumerate(self._features, start=1):
            label = f"{self.path.name} feature {number}"
            point = _point(feature)
            if isinstance(point, str):
                yield Rejected(label, point)
                continue
            cells = {**_properties(feature), **dict(zip(PLACE, point, strict=False))}
            yield Row(label, {ours: cells.get(theirs) for ours, theirs in self.names.items()})

    def blocks(self, size: int) -> Iterator[PlacedBlock]:
        """Yield what `placed_rows` yields, in blocks of `size` rows."""
        return blocks_of(placed_rows(self), size)

    def total(self) -> int:
        """Return the number of features."""
        return len(self._features)


def _features(path: Path) -> list[Any]:
    shown = repr(str(path))
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise SourceError(
                f"the file {shown} has {size:,} bytes, and GeoJSON is read up to {LARGEST_BYTES:,};"
                " split it, or convert it to Parquet"
            )
        read = json.loads(path.read_bytes())
    # RecursionError: brackets nested by the thousand.
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"the file {shown} cannot be read as GeoJSON: {error}") from error
    if not isinstance(read, dict) or not isinstance(read.get("features"), list):
        raise SourceError(f"the file {shown} is not a GeoJSON FeatureCollection")
    system = json.dumps(read.get("crs"))
    if system != "null" and not any(name in system for name in WGS84):
        raise SourceError(
            f"the file {shown} has coordinates of {system[:80]}; convert it to WGS84, for example"
            " with `ogr2ogr -t_srs EPSG:4326`"
        )
    features: list[Any] = read["features"]
    return features


def _properties(feature: Any) -> dict[str, Any]:
    found = feature.get("properties") if isinstance(feature, dict) else None
    return found if isinstance(found, dict) else {}


def _point(feature: Any) -> list[Any] | str:
    """Return longitude, latitude and what follows them, or why there is no point."""
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    if not isinstance(geometry, dict):
        return "it has no geometry"
    if geometry.get("type") != "Point":
        return f"its geometry is {geometry.get('type')!r}; only points are read"
    point = geometry.get("coordinates")
    if not isinstance(point, list) or len(point) < 2:
        return f"its coordinates are {point!r:.60}, not longitude and latitude"
    return point
