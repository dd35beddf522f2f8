"""The generator's constants, a set for each scale, and where each comes from.

A photo's vector is a sum of signatures (`spots.py`): of the place where it was taken and of places
that it happens to look like, and noise. So errors are not isotropic: a query is drawn to whole
other places, near ones more often than far ones. The weights of the sums were set by hand until
top-1 and the best of 16 resembled published figures (docs/evaluation.md names them); nothing else
was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scale = Literal["world", "city", "street"]


@dataclass(frozen=True)
class Recipe:
    """How photos of one scale are made."""

    scale: Scale
    rings_km: tuple[float, ...]
    """A place that a query looks like is between two neighbouring ones of these from the truth."""
    ring_shares: tuple[float, ...]
    """How often between which; one less than `rings_km`."""
    others: float
    """Mean number of places that a query looks like besides its own; there is one at least."""
    own_weight: float
    """Median weight of the place's own signature in a query; log-normal."""
    own_spread: float
    """Standard deviation of its logarithm: how much harder some photos are than others."""
    other_weight: float
    """Median weight of each other place's signature; log-normal."""
    other_spread: float
    noise: float
    """Length of a query's isotropic noise."""
    gallery_noise: float
    """The same of a gallery photo, whose own signature has weight 1."""
    lookalikes: float
    """Share of gallery photos that look like another place more than like their own."""
    lookalike_weight: float
    """Weight of that other place."""
    coarse: float
    """Share of gallery photos that look like some other place of their cell or city."""
    lost: float
    """Share of queries that have no true neighbour in the gallery."""
    lost_km: float
    """How far the nearest photo of the gallery is from those, at least."""
    right_km: tuple[float, ...]
    """Distances at which accuracy is told."""


COMMON = 1.0
"""Length of the mean all vectors share, next to a photo's own part of length 1."""

WORLD = Recipe(
    scale="world",
    rings_km=(25.0, 200.0, 750.0, 2500.0, 21_000.0),
    ring_shares=(0.22, 0.26, 0.24, 0.28),
    others=2.0,
    own_weight=0.95,
    own_spread=1.1,
    other_weight=0.7,
    other_spread=0.5,
    noise=0.6,
    gallery_noise=0.4,
    lookalikes=0.3,
    lookalike_weight=1.5,
    coarse=0.1,
    lost=0.05,
    lost_km=50.0,
    right_km=(1.0, 25.0, 200.0, 750.0, 2500.0),
)

CITY = Recipe(
    scale="city",
    rings_km=(1.0, 5.0, 25.0, 21_000.0),
    ring_shares=(0.25, 0.35, 0.40),
    others=2.0,
    own_weight=1.2,
    own_spread=1.0,
    other_weight=0.7,
    other_spread=0.5,
    noise=0.6,
    gallery_noise=0.4,
    lookalikes=0.3,
    lookalike_weight=1.5,
    coarse=0.1,
    lost=0.05,
    lost_km=50.0,
    right_km=(0.2, 1.0, 5.0, 25.0, 200.0),
)

STREET = Recipe(
    scale="street",
    rings_km=(0.025, 0.1, 1.0, 21_000.0),
    ring_shares=(0.35, 0.40, 0.25),
    others=1.5,
    own_weight=1.75,
    own_spread=0.65,
    other_weight=0.6,
    other_spread=0.5,
    noise=0.6,
    gallery_noise=0.5,
    lookalikes=0.32,
    lookalike_weight=1.25,
    coarse=0.1,
    lost=0.05,
    lost_km=0.1,
    right_km=(0.01, 0.025, 0.1, 1.0, 25.0),
)
