"""What a reader of vectors that were computed elsewhere gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from geofix.tools.sources.protocol import Rejected


@dataclass(frozen=True, slots=True)
class VectorBatch:
    """Places with their vectors and without a picture; all lists and arrays are n long."""

    external_ids: list[str]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    accuracies_km: NDArray[np.float64]
    authors: list[str | None]
    licences: list[str | None]
    attributions: list[str | None]
    captured_at: list[datetime | None]
    vectors: NDArray[np.float32] | NDArray[np.float16]
    """Of shape [n, dimension] and of unit length."""
    rejected: list[Rejected]
    """Rows of this batch that were left out; they are not among the n."""


@runtime_checkable
class VectorSource(Protocol):
    """A collection of vectors."""

    name: str
    """What its rows are kept under; with the external id it tells them from all others."""
    dimension: int

    def total(self) -> int:
        """Say how many rows there are, those to be left out counted in."""
        ...

    def batches(self, size: int) -> Iterator[VectorBatch]:
        """Give the rows in the order of the table.

        Args:
            size: Rows of the source a batch stands for, at most.
        """
        ...
