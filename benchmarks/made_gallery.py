"""A gallery as the benchmarks draw it, by the generator or from real places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.gallery.truth import Truth, exact


@dataclass(frozen=True)
class Drawn:
    """A gallery of vectors, and held-out queries of the same kind."""

    vectors: NDArray[np.float16]
    """`[n, dimension]`, L2-normalised."""
    latitude: NDArray[np.float64]
    """Degrees, `[n]`."""
    longitude: NDArray[np.float64]
    """Degrees, `[n]`."""
    query_vectors: NDArray[np.float32]
    """`[queries, dimension]`, L2-normalised."""
    query_latitude: NDArray[np.float64]
    """Degrees, `[queries]`."""
    query_longitude: NDArray[np.float64]
    """Degrees, `[queries]`."""
    alike: NDArray[np.int64] | None = None
    """`[n]`, the first row with the same vector; none where no two have the same."""

    def truth(self, mean: NDArray[np.float32] | None, k: int, rows: int | None = None) -> Truth:
        """Return the exact answers among the first `rows`, all by default; see `exact`."""
        return exact(self.query_vectors, self.vectors[:rows], mean, k, self.alike)
