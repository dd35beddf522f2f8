"""All that one round knows of the photo, besides the candidates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geofix.agent.state import Candidate, Draft, Hit, Retrieval
from geofix.tools.geometry.geometric_match import GeometricMatch

Density = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.int64]]
"""Gallery photos within 25 km of each of some latitudes and longitudes, `[c]`."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the evidence is computed from; pure data, so that a choice can be repeated."""

    retrieval: Retrieval
    drafts: Sequence[Draft] = ()
    """Of models, those that count in this round; the consensus is made of the photos."""
    before: Sequence[Candidate] = ()
    """The candidates of the round before."""
    matches: Mapping[int, GeometricMatch] = field(default_factory=dict)
    """Geometric verification of the hits whose pictures were compared, by `photo_id`."""
    density: Density | None = None
    """None where nobody counted."""
    photos_in_gallery: int | None = None
    """Together with `density`."""
    likeness: Callable[[Sequence[tuple[float, float]]], Sequence[float]] | None = None
    """An image-place model's similarity of the photo to places, -1 to 1; none where there is no
    such model."""
    image_place: Mapping[tuple[float, float], float] = field(default_factory=dict)
    """The same of the candidates, by their coordinates."""
    scene: str | None = None
    """What the photo shows, see `geofix.tools.scene`."""
    claimed: tuple[float, float] | None = None
    """The place somebody says it was taken at."""

    @property
    def negatives(self) -> Sequence[Hit]:
        """The photos that look otherwise; only they speak against where they were taken."""
        return self.retrieval.negatives if self.retrieval.negatives_by == "dissimilar" else ()
