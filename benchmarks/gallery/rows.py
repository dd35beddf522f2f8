"""The rows the loads are measured with: vectors, places, and who took the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.geoclip_vectors import draw_places
from benchmarks.made_gallery import Drawn
from benchmarks.vectors import make
from geofix.db.load.photo_rows import PhotoColumns
from geofix.tools.geo.countries import countries_at

SOURCE = "benchmark"
GEOCLIP = "GeoCLIP locations"
"""Name of the real vectors."""

LICENCE = "CC-BY-SA-4.0"
AUTHORS = 5_000
NOWHERE = "ZZ"
"""For what lies at sea, so that every row has as many bytes."""


@dataclass(frozen=True)
class Rows:
    """A gallery with what a photo carries besides its vector; row i has id i."""

    name: str
    """Of the vectors, for the tables."""
    drawn: Drawn
    path: Path
    """The vectors as a .npy file, for other processes."""
    countries: NDArray[np.bytes_]
    """`[n]`, two letters each."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self.drawn.vectors)

    def size(self) -> str:
        """Say how many of what, for a title."""
        rows, dimension = self.drawn.vectors.shape
        return f"{rows:,d} x {dimension} ({self.name})"

    def author(self, row: int) -> str:
        """Return who took a photo: 13 letters."""
        return f"author-{row % AUTHORS:06d}"

    def columns(self, first: int, last: int) -> PhotoColumns:
        """Return rows `first` to `last` as the gallery takes them."""
        n = last - first
        return PhotoColumns(
            source=[SOURCE] * n,
            external_id=[str(row) for row in range(first, last)],
            latitude=self.drawn.latitude[first:last],
            longitude=self.drawn.longitude[first:last],
            accuracy_km=np.zeros(n, np.float32),
            country=[code.decode() for code in self.countries[first:last].tolist()],
            author=[self.author(row) for row in range(first, last)],
            licence=[LICENCE] * n,
            attribution=[None] * n,
            captured_at=[None] * n,
            sha256=[None] * n,
            location=[None] * n,
        )

    def batches(self, size: int, rows: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield first and last row of each batch of the first `rows`."""
        rows = len(self) if rows is None else rows
        for first in range(0, rows, size):
            yield first, min(first + size, rows)


def made_rows(folder: Path, rows: int, dimension: int, seed: int, queries: int) -> Rows:
    """Draw a gallery of made vectors; they are mapped from a file in `folder`."""
    path = folder / f"vectors-{dimension}-{rows}.npy"
    return _with_countries("made", make(rows, dimension, seed, queries, path=path), path)


def geoclip_rows(folder: Path, rows: int, seed: int, queries: int) -> Rows:
    """Take GeoCLIP's vectors of real places; they are mapped from a file in `folder`."""
    path = folder / f"geoclip-{rows}.npy"
    return _with_countries(GEOCLIP, draw_places(rows, seed, queries, path=path), path)


def _with_countries(name: str, drawn: Drawn, path: Path) -> Rows:
    found = countries_at(drawn.latitude, drawn.longitude, tolerance_km=0.0)
    codes = np.array([code or NOWHERE for code in found], dtype="S2")
    return Rows(name, drawn, path, codes)
