"""How many vectors a search covers, from counts per cell: known before anything is searched.

Postgres's own estimate of a region is off by orders of magnitude, since latitude, longitude and
likeness are not independent; it chose the slower way at 10 % of a million rows (DESIGN.md
section 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from geofix.db.area import EARTH_RADIUS_KM, Area, Box
from geofix.db.cells import ANYWHERE, CELL_DEGREES, corners_of
from geofix.db.models import CellCountRow
from geofix.db.partition import Partition

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
        outside: Area | None = None,
    ) -> int:
        """Return about how many vectors of the galleries lie in all areas, and not outside.

        Exact where no area cuts through a cell; there the cell's photos count by its area's share.
        What a load that still runs has brought counts as if it were there.
        """
        if galleries is None and not areas and outside is None:
            return self.total
        kept = np.ones(len(self.photos), dtype=bool)
        if galleries is not None:
            kept = np.isin(self.galleries, galleries)
        photos = self.photos[kept].astype(np.float64)
        for area in areas:
            photos *= self._share(area, kept)
        if outside is not None:
            photos *= np.where(self.placed[kept], 1.0 - self._share(outside, kept), 1.0)
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
    high = np.minimum(box[2], south + CELL_DEGREES) - np.maximum(box[0], south)
    wide = np.minimum(box[3], west + CELL_DEGREES) - np.maximum(box[1], west)
    share: Floats = np.clip(high, 0, None) * np.clip(wide, 0, None) / CELL_DEGREES**2
    return share


def _in_circle(
    latitude: float, longitude: float, radius_km: float, south: Floats, west: Floats
) -> Floats:
    """Return 1 for cells inside, 0 for cells outside, and a circle's share of its box between."""
    middle = CELL_DEGREES / 2
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
