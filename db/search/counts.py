"""How many vectors a search covers: counts per cell of a grid, made by the end of a load.

Postgres's own estimate of a region is off by orders of magnitude, since latitude, longitude and
likeness are not independent; it chose the slower way at 10 % of a million rows (DESIGN.md
section 4).

Cells of a quarter of a degree, numbered row by row from the south-west corner, so that what a box
covers in one row is one range of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select, text

from geofix.db.load.vector_rows import NO_COUNTRY
from geofix.db.search.area import EARTH_RADIUS_KM, Area, Box
from geofix.db.search.partition import Partition
from geofix.db.tables import CellCountRow

COUNT_CELL_DEGREES = 0.25
GRID_COLUMNS = 1440
GRID_ROWS = 720

ANYWHERE = -1
"""In the place of a cell's number, where vectors are not counted by cell yet."""

Boxes = Iterable[tuple[float, float, float, float]]
"""South, west, north, east in degrees each; none crosses the antimeridian."""


def cells_of(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the number of the cell of each point; the north pole and 180 degrees are inside."""
    row = np.minimum((latitudes + 90.0) // COUNT_CELL_DEGREES, GRID_ROWS - 1)
    column = np.minimum((longitudes + 180.0) // COUNT_CELL_DEGREES, GRID_COLUMNS - 1)
    return (row * GRID_COLUMNS + column).astype(np.int32)


def corners_of(cells: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return latitude and longitude of each cell's south-west corner."""
    row, column = np.divmod(cells, GRID_COLUMNS)
    return row * COUNT_CELL_DEGREES - 90.0, column * COUNT_CELL_DEGREES - 180.0


def cell_ranges(boxes: Boxes) -> list[tuple[int, int]]:
    """Return first and last number of each run of cells that the boxes touch, none twice."""
    runs: list[tuple[int, int]] = []
    for south, west, north, east in boxes:
        corners = np.array([south, north]), np.array([west, east])
        first, last = (int(cell) for cell in cells_of(*corners))
        width = last % GRID_COLUMNS - first % GRID_COLUMNS
        for start in range(first, last + 1, GRID_COLUMNS):
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


Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CellCounts:
    """The counts of one partition, `[n]` each."""

    loads: int
    """State of the partition at which they were read."""
    galleries: NDArray[np.int32]
    south: Floats
    west: Floats
    countries: NDArray[np.str_]
    photos: NDArray[np.int64]
    placed: NDArray[np.bool_]
    """False where a load is not done, and its vectors may lie anywhere."""
    total: int = field(init=False)
    """How many vectors there are: counted once, since every search asks."""

    def __post_init__(self) -> None:
        """Count."""
        object.__setattr__(self, "total", int(self.photos.sum()))

    def covered(
        self,
        galleries: tuple[int, ...] | None,
        areas: tuple[Area, ...],
        outside: tuple[Area, ...] = (),
    ) -> int:
        """Return about how many vectors of the galleries lie in all areas and in none of `outside`.

        Exact where no area cuts through a cell; there the cell's photos count by its area's share.
        What a load that still runs has brought counts as if it were there.
        """
        if galleries is None and not areas and not outside:
            return self.total
        kept = np.ones(len(self.photos), dtype=bool)
        if galleries is not None:
            kept = np.isin(self.galleries, galleries)
        photos = self.photos[kept].astype(np.float64)
        for area in areas:
            photos *= self._share(area, kept)
        for area in outside:
            photos *= np.where(self.placed[kept], 1.0 - self._share(area, kept), 1.0)
        return math.ceil(float(photos.sum()))

    def _share(self, area: Area, kept: NDArray[np.bool_]) -> Floats:
        south, west = self.south[kept], self.west[kept]
        share = np.ones(len(south))
        if area.boxes:
            share = np.minimum(1.0, sum(_overlap(box, south, west) for box in area.boxes))
        if area.country is not None:
            share = share * (self.countries[kept] == area.country)
        if area.latitude is not None and area.longitude is not None and area.radius_km is not None:
            # The boxes leave few cells to compute sines and cosines of.
            near = np.flatnonzero(share)
            circle = area.latitude, area.longitude, area.radius_km
            share[near] *= _in_circle(*circle, south[near], west[near])
        return np.where(self.placed[kept], share, 1.0)


def read_counts(connection: Connection, partition: Partition) -> CellCounts:
    """Read the counts of a partition."""
    rows = connection.execute(
        select(
            CellCountRow.gallery_id, CellCountRow.cell, CellCountRow.country, CellCountRow.photos
        ).where(CellCountRow.encoder_id == partition.encoder_id)
    ).all()
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    cells = np.array(columns[1], dtype=np.int32)
    south, west = corners_of(cells)
    return CellCounts(
        loads=partition.loads,
        galleries=np.array(columns[0], dtype=np.int32),
        south=south,
        west=west,
        countries=np.array(columns[2], dtype=np.str_),
        photos=np.array(columns[3], dtype=np.int64),
        placed=cells != ANYWHERE,
    )


def _overlap(box: Box, south: Floats, west: Floats) -> Floats:
    """Return the share of each cell that lies in a box."""
    high = np.minimum(box[2], south + COUNT_CELL_DEGREES) - np.maximum(box[0], south)
    wide = np.minimum(box[3], west + COUNT_CELL_DEGREES) - np.maximum(box[1], west)
    share: Floats = np.clip(high, 0, None) * np.clip(wide, 0, None) / COUNT_CELL_DEGREES**2
    return share


def _in_circle(
    latitude: float, longitude: float, radius_km: float, south: Floats, west: Floats
) -> Floats:
    """Return 1 for cells inside, 0 for cells outside, and a circle's share of its box between."""
    middle = COUNT_CELL_DEGREES / 2
    phi, lam = np.radians(south + middle), np.radians(west + middle)
    chord = (
        np.sin((phi - math.radians(latitude)) / 2) ** 2
        + np.cos(phi)
        * math.cos(math.radians(latitude))
        * np.sin((lam - math.radians(longitude)) / 2) ** 2
    )
    distance_km = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    reach_km = math.radians(middle) * math.sqrt(2) * EARTH_RADIUS_KM
    inside = distance_km + reach_km <= radius_km
    outside = distance_km - reach_km > radius_km
    return np.where(inside, 1.0, np.where(outside, 0.0, math.pi / 4))


def count_new(connection: Connection, encoder_id: int, gallery_id: int, photos: int) -> None:
    """Count vectors in that just came, as ones that may lie anywhere.

    Counting them by cell at once took 33 to 44 of 445 to 508 ms a batch of 10,000.
    """
    connection.execute(
        text(
            "insert into cell_counts (encoder_id, gallery_id, cell, country, photos)"
            " values (:encoder_id, :gallery_id, :cell, :country, :photos)"
            " on conflict (encoder_id, gallery_id, cell, country)"
            " do update set photos = cell_counts.photos + excluded.photos"
        ),
        {
            "encoder_id": encoder_id,
            "gallery_id": gallery_id,
            "cell": ANYWHERE,
            "country": NO_COUNTRY,
            "photos": photos,
        },
    )


def count_all(connection: Connection, partition: Partition) -> None:
    """Count a partition's vectors by cell."""
    encoder = {"encoder_id": partition.encoder_id}
    connection.execute(text("delete from cell_counts where encoder_id = :encoder_id"), encoder)
    connection.execute(
        text(
            "insert into cell_counts (encoder_id, gallery_id, cell, country, photos)"
            " select :encoder_id, gallery_id, cell, country, count(*)"
            f" from {partition.table.name} group by gallery_id, cell, country"
        ),
        encoder,
    )


def encoders_of(connection: Connection, photo_ids: Sequence[int]) -> list[int]:
    """Return the encoders that have vectors of some photos."""
    found = connection.execute(
        text("select distinct encoder_id from embeddings where photo_id = any(:ids)"),
        {"ids": list(photo_ids)},
    )
    return [int(encoder_id) for encoder_id in found.scalars()]


def forget_gallery(connection: Connection, gallery_id: int) -> list[int]:
    """Remove a gallery's vectors and their counts; return the encoders that had some."""
    encoders = connection.execute(
        text(
            "with gone as (delete from cell_counts where gallery_id = :gallery_id"
            " returning encoder_id) select distinct encoder_id from gone"
        ),
        {"gallery_id": gallery_id},
    )
    found = [int(encoder_id) for encoder_id in encoders.scalars()]
    connection.execute(
        text("delete from embeddings where gallery_id = :gallery_id"), {"gallery_id": gallery_id}
    )
    mark_changed(connection, found)
    return found


def mark_changed(connection: Connection, encoder_ids: Sequence[int]) -> None:
    """Say that vectors came or went, so that what was read of them is read again.

    Each encoder by a statement of its own: Citus joins no distributed table to a local one that is
    updated.
    """
    for encoder_id in encoder_ids:
        newest = connection.execute(
            text("select coalesce(max(photo_id), 0) from embeddings where encoder_id = :id"),
            {"id": encoder_id},
        ).scalar_one()
        connection.execute(
            text("update encoders set loads = loads + 1, newest = :newest where id = :id"),
            {"id": encoder_id, "newest": newest},
        )
