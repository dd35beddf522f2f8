"""The borders of countries, for lookups by point through `geofix.tools.geo.countries`."""

from __future__ import annotations

import math
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geofix.tools.geo.distance import EARTH_RADIUS_KM, FloatArray, bounding_boxes
from geofix.tools.once import once

if TYPE_CHECKING:
    from shapely import STRtree

GRID_DEGREES = 0.001
"""Step of the grid the borders are stored on."""

KM_A_DEGREE = math.radians(EARTH_RADIUS_KM)


def read_table(*names: str) -> dict[str, NDArray[Any]]:
    """Arrays of the data file; only those asked for are read."""
    source = resources.files("geofix.tools.data") / "countries.npz"
    with source.open("rb") as stream, np.load(stream) as table:
        return {name: table[name] for name in names}


class Borders:
    """Parts of countries, small enough that testing one is quick, in a tree."""

    def __init__(self) -> None:
        """Read the borders of the data file."""
        import shapely  # noqa: PLC0415  0.1 s that names alone need not pay

        rows = read_table("codes", "steps", "rings", "polygons", "owner")
        grid = np.ascontiguousarray(np.cumsum(rows["steps"], axis=1).T) * GRID_DEGREES
        ends = [
            np.concatenate([[0], np.cumsum(rows[n], dtype=np.int64)]) for n in ("rings", "polygons")
        ]
        kind = shapely.GeometryType.POLYGON
        self.parts: NDArray[Any] = shapely.from_ragged_array(kind, grid, (ends[0], ends[1]))
        self.owner = rows["owner"].astype(np.int64)
        self.codes: list[str] = rows["codes"].tolist()
        # The parts are not prepared: a prepared polygon builds its index when it is first asked,
        # and two threads that do so end the process. Parts of 43 corners gain nothing by it.
        self.tree: STRtree = shapely.STRtree(self.parts)

    def codes_at(
        self, latitudes: FloatArray, longitudes: FloatArray, tolerance_km: float
    ) -> list[str | None]:
        """Alpha-2 code at each of n points, which have to be in range; None where none is near."""
        import shapely  # noqa: PLC0415  see `__init__`

        nobody = len(self.codes)
        owner = np.full(len(latitudes), nobody)
        points, parts = self.tree.query(shapely.points(longitudes, latitudes))
        inside = shapely.intersects_xy(self.parts[parts], longitudes[points], latitudes[points])
        # On a border shared by two countries the lower code wins: the answer may not depend on the
        # order in which a tree gives its hits.
        np.minimum.at(owner, points[inside], self.owner[parts[inside]])
        if tolerance_km > 0:
            for index in np.flatnonzero(owner == nobody).tolist():
                point = float(latitudes[index]), float(longitudes[index])
                owner[index] = self._nearest(*point, tolerance_km)
        names = [*self.codes, None]
        return [names[index] for index in owner.tolist()]

    def _nearest(self, latitude: float, longitude: float, tolerance_km: float) -> int:
        """Row of the country nearest to a point, `len(codes)` where none is near enough."""
        import shapely  # noqa: PLC0415  see `__init__`

        boxes = bounding_boxes(latitude, longitude, tolerance_km)
        near = self.tree.query([shapely.box(b.west, b.south, b.east, b.north) for b in boxes])[1]
        shrink = math.cos(math.radians(latitude))

        def flatten(lonlat: FloatArray) -> FloatArray:
            # A plane that touches the point: over 20 km its error is below 2 % up to 80 degrees.
            east = (lonlat[:, 0] - longitude + 180) % 360 - 180
            return np.column_stack([east * shrink, lonlat[:, 1] - latitude])

        local = shapely.transform(self.parts[near], flatten)
        apart_km = shapely.distance(local, shapely.Point(0, 0)) * KM_A_DEGREE
        if len(near) == 0 or apart_km.min() > tolerance_km:
            return len(self.codes)
        return int(self.owner[near[int(np.argmin(apart_km))]])


@once
def borders() -> Borders:
    """The borders, read once a process."""
    return Borders()
