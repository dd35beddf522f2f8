"""Cases of worlds, asked once and kept on disk as long as the generator stays the same."""

from __future__ import annotations

from dataclasses import replace

from geofix.agent.context import Context
from geofix.agent.services import Services
from geofix.evaluation.cases import Case, kept_cases
from geofix.evaluation.worlds import inliers
from geofix.evaluation.worlds.asking import ask_world
from geofix.evaluation.worlds.layouts import Half
from geofix.evaluation.worlds.loading import load_world
from geofix.evaluation.worlds.locations import cache_folder
from geofix.evaluation.worlds.recipe import Scale
from geofix.evaluation.worlds.world import FULL, RECIPES, World, make_world

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
    evidence = (inliers.SAME, inliers.FACING, inliers.CHANCE, inliers.EASE)
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
