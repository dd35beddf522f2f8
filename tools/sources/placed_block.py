"""Consecutive rows of a table as columns, because single rows are too slow for millions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from geofix.tools.sources.protocol import Rejected
from geofix.tools.sources.rows import PlacedRow

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class RowLabels(Sequence[str]):
    """Labels such as `photos.parquet row 7`, made when they are needed."""

    name: str
    first: int
    rows: int

    def __len__(self) -> int:
        """How many there are."""
        return self.rows

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> list[str]: ...

    def __getitem__(self, at: int | slice) -> str | list[str]:
        """Return one, or some."""
        numbers = range(self.first, self.first + self.rows)[at]
        if isinstance(numbers, int):
            return f"{self.name} row {numbers}"
        return [f"{self.name} row {number}" for number in numbers]


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """`n` rows of a table and the `k` of them that have a place and an id."""

    labels: Sequence[str]
    """Labels of all rows, `n` entries."""
    positions: Positions
    """Positions of the usable rows, ascending; this and all fields below have `k` entries."""
    external_ids: list[str]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    accuracies_km: NDArray[np.float64]
    authors: list[str | None]
    licences: list[str | None]
    attributions: list[str | None]
    captured_at: list[datetime | None]
    rejected: list[tuple[int, Rejected]]
    """The rejected rows, each with its position."""

    def __len__(self) -> int:
        """How many rows of the table it stands for."""
        return len(self.labels)

    def without(self, reasons: Mapping[int, str]) -> PlacedBlock:
        """Return the block with some rows rejected.

        Args:
            reasons: Reasons by the row's index among the usable rows.
        """
        left_out = [
            (at, Rejected(self.labels[at], why))
            for at, why in ((int(self.positions[place]), why) for place, why in reasons.items())
        ]
        kept = [place for place in range(len(self.positions)) if place not in reasons]
        columns = {name: _picked(getattr(self, name), kept) for name in KEPT}
        rejected = sorted([*self.rejected, *left_out], key=itemgetter(0))
        return PlacedBlock(labels=self.labels, rejected=rejected, **columns)


KEPT = tuple(
    field.name for field in fields(PlacedBlock) if field.name not in {"labels", "rejected"}
)


def _picked(values: Any, places: list[int]) -> Any:
    if isinstance(values, np.ndarray):
        return values[places]
    return [values[place] for place in places]


def block_of(items: Sequence[PlacedRow | Rejected]) -> PlacedBlock:
    """Return rows as a block."""
    kept = [(at, item) for at, item in enumerate(items) if not isinstance(item, Rejected)]
    rows = [row for _, row in kept]
    return PlacedBlock(
        labels=[item.item if isinstance(item, Rejected) else item.label for item in items],
        positions=np.array([at for at, _ in kept], np.intp),
        external_ids=[row.external_id for row in rows],
        latitudes=np.array([row.latitude for row in rows], np.float64),
        longitudes=np.array([row.longitude for row in rows], np.float64),
        accuracies_km=np.array([row.accuracy_km for row in rows], np.float64),
        authors=[row.author for row in rows],
        licences=[row.licence for row in rows],
        attributions=[row.attribution for row in rows],
        captured_at=[row.captured_at for row in rows],
        rejected=[(at, item) for at, item in enumerate(items) if isinstance(item, Rejected)],
    )


def blocks_of(items: Iterable[PlacedRow | Rejected], size: int) -> Iterator[PlacedBlock]:
    """Yield rows in blocks of at most `size`."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield block_of(part)
