"""A world's gallery into Postgres, as any other gallery is loaded."""

from __future__ import annotations

import numpy as np

from geofix.db.ingest import Ingest, PhotoColumns
from geofix.evaluation.worlds.world import World
from geofix.tools.countries import countries_at

SOURCE = "simulated"
"""Of every photo of a world: no picture was ever taken."""

BLOCK = 10_000


def load_world(world: World, ingest: Ingest) -> None:
    """Put a world's photos into a gallery of its name, with its own encoder, unless it is there."""
    if ingest.has_source(world.name, SOURCE):
        return
    for start in range(0, len(world.gallery), BLOCK):
        block = slice(start, start + BLOCK)
        ingest.add(world.name, world.name, _columns(world, block), world.vectors[block])
    ingest.finish(world.name)


def _columns(world: World, block: slice) -> PhotoColumns:
    shown, spots = world.gallery[block], world.spots
    count = len(shown)
    none: list[str | None] = [None] * count
    walks = spots.sequence[shown].tolist()
    return PhotoColumns(
        source=[SOURCE] * count,
        external_id=[str(spot) for spot in shown.tolist()],
        latitude=spots.latitude[shown],
        longitude=spots.longitude[shown],
        accuracy_km=np.zeros(count, np.float32),
        country=countries_at(spots.latitude[shown], spots.longitude[shown]),
        author=[None if walk < 0 else f"walk {walk}" for walk in walks],
        licence=none,
        attribution=none,
        captured_at=[None] * count,
        sha256=none,
        location=none,
    )
