"""Cases of a world: loaded, asked once with simulated drafts and inliers, kept on disk.

Qwen2.5-VL-7B asked without neighbours is within 1, 25, 200, 750 and 2500 km for 3.2, 16.6, 28.0,
42.1 and 53.0 % of IM2GPS3k (GRE, Table 2; ../shared/research/anchors.md). How far off a draft is
goes with how hard the photo is for retrieval too (`TOGETHER`, chosen, not published). No word of
confidence is simulated, since no published figure says what one is worth.

Measured on 160 street photos with SIFT (DESIGN.md section 5): the neighbour with most inliers is
within 25 m for 74 % where top-1 is for 62 % and the best of 16 for 89 %; with 50 inliers or more it
is right for 96 %, with 20 or more for 87 %. The constants were set by hand to give about that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geofix.agent.context import Context
from geofix.agent.nodes.retrieve import search_both_ways
from geofix.agent.services import Services
from geofix.agent.state import Draft, Hit
from geofix.db.load.ingest import Ingest, PhotoColumns
from geofix.db.search.gallery import Gallery
from geofix.db.search.query import Search
from geofix.evaluation.calibrate.cases import Case, kept_cases
from geofix.evaluation.worlds.layouts import Half
from geofix.evaluation.worlds.looks import cache_folder
from geofix.evaluation.worlds.recipe import Scale
from geofix.evaluation.worlds.world import FULL, RECIPES, World, make_world
from geofix.tools.geo.countries import countries_at
from geofix.tools.geo.distance import EARTH_RADIUS_KM, destinations, haversine_km
from geofix.tools.geometry import GeometricMatch
from geofix.tools.statistics import PLACE_KM

REACHED = (0.0, 0.032, 0.166, 0.280, 0.421, 0.530, 1.0)
"""Share of drafts at most as far off as `FAR_KM`."""

FAR_KM = (0.05, 1.0, 25.0, 200.0, 750.0, 2500.0, 15_000.0)

TOGETHER = 0.5
"""Correlation of the draft's error with the photo's difficulty, both as normal scores."""

DRAFTED_BY = "simulated:qwen2.5-vl-7b"


def drafted_km(difficulty: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how far off each draft is, in km, `[n]`.

    Args:
        difficulty: Of each photo, `[n]`; only its order counts.
        rng: Draws the rest.
    """
    from scipy.stats import norm, rankdata  # noqa: PLC0415 - half a second

    hard = norm.ppf(rankdata(difficulty) / (len(difficulty) + 1))
    own = rng.standard_normal(len(difficulty))
    share = norm.cdf(TOGETHER * hard + (1 - TOGETHER**2) ** 0.5 * own)
    off: NDArray[np.float64] = np.exp(np.interp(share, REACHED, np.log(FAR_KM)))
    return off


def simulated_drafts(world: World, seed: int) -> list[Draft]:
    """Return one draft for each query of a world."""
    rng = np.random.default_rng([seed, 4])
    asked = world.queries.spots
    easy = world.queries.parts.weights[:, 0]
    latitude, longitude = destinations(
        world.spots.latitude[asked],
        world.spots.longitude[asked],
        rng.uniform(0, 360, len(asked)),
        drafted_km(-easy, rng),
    )
    return [
        Draft(round=0, drafted_by=DRAFTED_BY, latitude=float(north), longitude=float(east))
        for north, east in zip(latitude, longitude, strict=True)
    ]


SEEN_KM = 0.025
"""Photos so near, taken the same way along a street, show the same walls."""

SAME = (26.0, 1.0)
"""Median and log-spread of inliers of such photos, for a photo of middling ease."""

FACING = (9.0, 0.7)
"""Matches of photos of one district: the same kind of windows."""

CHANCE = (8.0, 0.35)
"""Matches of photos that have nothing in common."""

EASE = 0.6
"""How much of the inliers' log-spread is the photo's own: blur and leaves spoil all its pairs."""

TRIED = 200
"""Matches a pair has before geometry is asked."""


def simulated_matches(
    world: World, query: int, hits: list[Hit], seed: int
) -> dict[int, GeometricMatch]:
    """Return what SIFT might have found between a query and each hit, by photo id."""
    rng = np.random.default_rng([seed, 5, query])
    truth = int(world.queries.spots[query])
    ease = rng.standard_normal()
    return {hit.photo_id: _pair(world, truth, hit, ease, rng) for hit in hits}


def _pair(
    world: World, truth: int, hit: Hit, ease: float, rng: np.random.Generator
) -> GeometricMatch:
    spots, shown = world.spots, int(hit.external_id)
    away_km = float(
        haversine_km(spots.latitude[truth], spots.longitude[truth], hit.latitude, hit.longitude)
    )
    same = away_km <= SEEN_KM and spots.heading[shown] == spots.heading[truth]
    one_place = spots.group[shown] == spots.group[truth]
    median, spread = SAME if same else FACING if one_place else CHANCE
    own = ease if same else 0.0
    drawn = EASE * own + (1 - EASE**2) ** 0.5 * rng.standard_normal()
    inliers = int(min(TRIED, median * np.exp(spread * drawn)))
    return GeometricMatch(
        inliers=inliers,
        matches=TRIED,
        model="fundamental",
        inlier_share=inliers / TRIED,
        coverage=float(np.clip(round(16 * (1 - np.exp(-inliers / 40))) / 16, 0, 1)),
    )


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
    counted = counted_in(world)
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


def counted_in(world: World) -> Callable[[list[Hit]], list[tuple[float, float, int]]]:
    """Return what counts the gallery's photos around some of them."""
    from sklearn.neighbors import BallTree  # noqa: PLC0415 - a second

    shown = world.gallery
    there = np.column_stack([world.spots.latitude[shown], world.spots.longitude[shown]])
    tree = BallTree(np.radians(there), metric="haversine")

    def counted(hits: list[Hit]) -> list[tuple[float, float, int]]:
        if not hits:
            return []
        points = [(hit.latitude, hit.longitude) for hit in hits]
        around = PLACE_KM / EARTH_RADIUS_KM
        counts = tree.query_radius(np.radians(points), around, count_only=True)
        return [(*point, int(count)) for point, count in zip(points, counts, strict=True)]

    return counted


SOURCE = "simulated"
"""Source of every photo of a world: no picture was ever taken."""

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


SEEDS: dict[Half, int] = {"train": 11, "test": 22}

VERSION = 1
"""Raised where worlds change otherwise than by their constants."""


def asked_world(
    scale: Scale, half: Half, queries: int, services: Services
) -> tuple[World, list[Case]]:
    """Return a world and its cases; the gallery is only loaded where they are not kept.

    Args:
        scale: Of the world.
        half: Training or test.
        queries: How many cases.
        services: To the database that is asked.
    """
    world = _world(scale, half, queries)
    evidence = (SAME, FACING, CHANCE, EASE)
    key = f"{VERSION} {world.name} {queries} {RECIPES[scale]!r} {evidence!r}"

    def make() -> list[Case]:
        load_world(world, services.ingest)
        return list(ask_world(world, services.gallery, Context(), SEEDS[half]))

    return world, kept_cases(cache_folder() / "cases", key, make)


def world_to_test(scale: Scale, queries: int) -> World:
    """Return the test world that `asked_world` asks, without asking it."""
    return _world(scale, "test", queries)


def _world(scale: Scale, half: Half, queries: int) -> World:
    return make_world(scale, half, SEEDS[half], replace(FULL[scale], queries=queries))
