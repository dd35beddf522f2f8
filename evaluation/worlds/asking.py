"""Cases of a world: its gallery in Postgres is asked each query, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.context import Context
from geofix.agent.nodes.retrieve import search_both_ways
from geofix.agent.state import Hit
from geofix.db.gallery import Gallery
from geofix.db.search import Search
from geofix.evaluation.cases import Case
from geofix.evaluation.worlds.drafts import simulated_drafts
from geofix.evaluation.worlds.inliers import simulated_matches
from geofix.evaluation.worlds.world import World
from geofix.tools.geo import EARTH_RADIUS_KM


def ask_world(world: World, gallery: Gallery, context: Context, seed: int) -> Iterator[Case]:
    """Yield a case for each query; drafts and geometric matches in it are simulated.

    Args:
        world: Loaded before (`load_world`).
        gallery: Holds its photos.
        context: How many neighbours, and which negatives.
        seed: Of the simulated evidence.
    """
    search = Search(encoder=world.name, galleries=(world.name,))
    drafts = simulated_drafts(world, seed)
    spots, queries = world.spots, world.queries
    counted = _density(world)
    for number, spot in enumerate(queries.spots.tolist()):
        retrieval = search_both_ways(gallery, queries.vectors[number], search, context)
        street = world.recipe.scale == "street"
        yield Case(
            photo=f"{world.name}/{number}",
            latitude=float(spots.latitude[spot]),
            longitude=float(spots.longitude[spot]),
            group=f"{world.name}/{spots.group[spot]}",
            sequence=None if spots.sequence[spot] < 0 else f"walk {spots.sequence[spot]}",
            answerable=bool(queries.answerable[number]),
            retrieval=retrieval,
            drafts=[drafts[number]],
            matches=simulated_matches(world, number, retrieval.positives, seed) if street else {},
            densities=counted(retrieval.positives),
            photos_in_gallery=len(world.gallery),
        )


def _density(world: World) -> Callable[[list[Hit]], list[tuple[float, float, int]]]:
    """Return what counts the gallery's photos around some of them."""
    from sklearn.neighbors import BallTree  # noqa: PLC0415 - a second

    shown = world.gallery
    there = np.column_stack([world.spots.latitude[shown], world.spots.longitude[shown]])
    tree = BallTree(np.radians(there), metric="haversine")

    def counted(hits: list[Hit]) -> list[tuple[float, float, int]]:
        if not hits:
            return []
        points = [(hit.latitude, hit.longitude) for hit in hits]
        around = PLACE_SCALE_KM / EARTH_RADIUS_KM
        counts = tree.query_radius(np.radians(points), around, count_only=True)
        return [(*point, int(count)) for point, count in zip(points, counts, strict=True)]

    return counted
