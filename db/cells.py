"""The grid over the Earth in which vectors are counted and found by region.

Cells of a quarter of a degree, numbered row by row from the south-west corner, so that what a box
covers in one row is one range of numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

CELL_DEGREES = 0.25
COLUMNS = 1440
ROWS = 720

ANYWHERE = -1
"""In the place of a cell's number, where vectors are not counted by cell yet."""

Boxes = Iterable[tuple[float, float, float, float]]
"""South, west, north, east in degrees each; none crosses the antimeridian."""


def cells_of(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the number of the cell of each point; the north pole and 180 degrees are inside."""
    row = np.minimum((latitudes + 90.0) // CELL_DEGREES, ROWS - 1)
    column = np.minimum((longitudes + 180.0) // CELL_DEGREES, COLUMNS - 1)
    return (row * COLUMNS + column).astype(np.int32)


def corners_of(cells: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return latitude and longitude of each cell's south-west corner."""
    row, column = np.divmod(cells, COLUMNS)
    return row * CELL_DEGREES - 90.0, column * CELL_DEGREES - 180.0


def cell_ranges(boxes: Boxes) -> list[tuple[int, int]]:
    """Return first and last number of each run of cells that the boxes touch, none twice."""
    runs: list[tuple[int, int]] = []
    for south, west, north, east in boxes:
        corners = np.array([south, north]), np.array([west, east])
        first, last = (int(cell) for cell in cells_of(*corners))
        width = last % COLUMNS - first % COLUMNS
        for start in range(first, last + 1, COLUMNS):
            runs.append((start, start + width))
    return _merged(sorted(runs))


def _merged(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in runs:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return merged
