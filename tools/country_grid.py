"""Countries of very many points: cells that need no borders are remembered, the rest is looked up.

A cell of the grid is settled once, when a point first falls into it, and only where every point in
it has the same answer as `countries_at` would give. 0.2 degrees first, then 0.02.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geofix.tools.borders import KM_A_DEGREE, borders
from geofix.tools.countries import COAST_KM, countries_at
from geofix.tools.geo import FloatArray
from geofix.tools.once import once

STEPS_DEGREES = (0.2, 0.02)
"""Sides of the cells: half a diagonal of the larger has to stay below `COAST_KM`."""

NORTHERNMOST = 80.0
"""Nearer to a pole a degree of longitude is too short for the planes below."""

EASTERNMOST = 178.0
"""Nearer to the antimeridian, reach would have to go around it."""

SLACK = 0.998
"""Of `COAST_KM`: what rounding may cost, and the curvature of 20 km."""

EDGE_DEGREES = 1e-6
"""Points on the edge of a cell belong to it, whatever rounding does to them."""

NOBODY, MIXED = -1, -2
"""At sea; and where only the borders themselves can tell."""


def countries_of(latitudes: ArrayLike, longitudes: ArrayLike) -> list[str | None]:
    """Give what `countries_at` gives, sooner.

    Args:
        latitudes: Degrees, shape (n,).
        longitudes: Degrees, shape (n,).

    Raises:
        RegionError: The arrays differ in length, or a point is none.
    """
    there = np.atleast_1d(np.asarray(latitudes, dtype=np.float64))
    meridians = np.atleast_1d(np.asarray(longitudes, dtype=np.float64))
    if there.shape != meridians.shape:
        return countries_at(there, meridians)
    owner = np.full(there.shape, MIXED)
    # Also false for NaN.
    easy = (np.abs(there) < NORTHERNMOST) & (np.abs(meridians) < EASTERNMOST)
    for grid in _grids():
        left = np.flatnonzero(easy & (owner == MIXED))
        if left.size:
            owner[left] = grid.owners(there[left], meridians[left])
    names = [*borders().codes, None, None]
    found = [names[index] for index in owner.tolist()]
    rest = np.flatnonzero(owner == MIXED)
    if rest.size:
        slow = countries_at(there[rest], meridians[rest])
        for index, code in zip(rest.tolist(), slow, strict=True):
            found[index] = code
    return found


class Grid:
    """Cells of one size, with whose they are."""

    def __init__(self, step_degrees: float) -> None:
        """Know nothing yet."""
        self._step = step_degrees
        self._columns = math.ceil(360 / step_degrees) + 1
        self._known: dict[int, int] = {}

    def owners(self, latitudes: FloatArray, longitudes: FloatArray) -> NDArray[np.int64]:
        """Row of the country at each point, `NOBODY` or `MIXED`."""
        rows = np.floor((latitudes + 90) / self._step).astype(np.int64)
        columns = np.floor((longitudes + 180) / self._step).astype(np.int64)
        cells, where = np.unique(rows * self._columns + columns, return_inverse=True)
        named = cells.tolist()
        new = [cell for cell in named if cell not in self._known]
        if new:
            self._known.update(zip(new, self._settle(np.array(new)).tolist(), strict=True))
        found = np.fromiter(map(self._known.__getitem__, named), np.int64, len(named))
        return found[where]

    def _settle(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        rows, columns = np.divmod(cells, self._columns)
        south = np.asarray(rows * self._step - 90, dtype=np.float64)
        west = np.asarray(columns * self._step - 180, dtype=np.float64)
        near = self._only_one_in_reach(south, west)
        border = np.flatnonzero(near == MIXED)
        near[border] = self._wholly_inside(south[border], west[border])
        return near

    def _only_one_in_reach(self, south: FloatArray, west: FloatArray) -> NDArray[np.int64]:
        """Settle cells where no border is near, and all of the cell is near the one country.

        What a point outside all countries is given is the nearest within `COAST_KM`: where only
        one is in reach of any point of the cell, and reaches all of it, there is no choice.
        """
        import shapely  # noqa: PLC0415  see `Borders.__init__`

        reach = COAST_KM / KM_A_DEGREE
        poleward = np.maximum(np.abs(south), np.abs(south + self._step))
        # The half width of a circle on the sphere, which the plane's `reach / cos` is just below.
        slimmest = np.cos(np.radians(poleward + reach))
        wide = np.degrees(np.arcsin(np.sin(np.radians(reach)) / slimmest))
        cells, parts = borders().tree.query(
            self._boxes(south, west, reach, wide), predicate="intersects"
        )
        least, most = self._range_of_owners(len(south), cells, parts)
        middle = np.asarray(shapely.points(west + self._step / 2, south + self._step / 2))
        apart = np.full(len(south), np.inf)
        # In plain degrees: on the plane, where longitudes shrink, it is less.
        np.minimum.at(apart, cells, shapely.distance(middle[cells], borders().parts[parts]))
        all_near = apart + self._step / math.sqrt(2) <= reach * SLACK
        return np.where(most < 0, NOBODY, np.where((least == most) & all_near, most, MIXED))

    def _wholly_inside(self, south: FloatArray, west: FloatArray) -> NDArray[np.int64]:
        """Settle cells that a part of one country covers and no other touches."""
        import shapely  # noqa: PLC0415  see `Borders.__init__`

        boxes = self._boxes(south, west, EDGE_DEGREES, EDGE_DEGREES)
        cells, parts = borders().tree.query(boxes, predicate="intersects")
        least, most = self._range_of_owners(len(south), cells, parts)
        covered = np.zeros(len(south), dtype=bool)
        covering = shapely.covers(borders().parts[parts], boxes[cells])
        np.logical_or.at(covered, cells, covering)
        return np.where(covered & (least == most), most, MIXED)

    def _boxes(
        self, south: FloatArray, west: FloatArray, up: float, aside: FloatArray | float
    ) -> NDArray[np.object_]:
        import shapely  # noqa: PLC0415  see `Borders.__init__`

        north, east = south + self._step, west + self._step
        boxes: NDArray[np.object_] = shapely.box(west - aside, south - up, east + aside, north + up)
        return boxes

    def _range_of_owners(
        self, count: int, cells: NDArray[np.int64], parts: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lowest and highest row among the countries of each cell; -1 as the highest of none."""
        owners = borders().owner[parts]
        least, most = np.full(count, len(borders().codes)), np.full(count, -1)
        np.minimum.at(least, cells, owners)
        np.maximum.at(most, cells, owners)
        return least, most


@once
def _grids() -> tuple[Grid, ...]:
    """The grids, which fill as they are asked."""
    return tuple(Grid(step) for step in STEPS_DEGREES)
