"""What a round knows, gathered from the state, the gallery and the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from geofix.agent.candidates import PLACE_SCALE_KM
from geofix.agent.choice.gallery_density import counted_at
from geofix.agent.choice.geometric import geometric_matches
from geofix.agent.choice.observed import Density, Observed
from geofix.agent.consensus import CONSENSUS
from geofix.agent.context import Context
from geofix.agent.regions import circle, holds, search_areas
from geofix.agent.services import Services
from geofix.agent.state import Draft, Hit, Region, State
from geofix.db.search import Search
from geofix.tools.geo import distances_km
from geofix.tools.images import from_jpeg

_SAME_KM = 1.0
"""Points this close have the same density: it is counted by cells of 28 km."""


def observe(state: State, context: Context, services: Services) -> tuple[Observed, list[str]]:
    """Return what the round knows, and what of it could not be had.

    Args:
        state: After retrieval and drafts.
        context: How many pictures to compare.
        services: To the gallery and its pictures.
    """
    positives = state.retrieval.positives
    matches, degraded = geometric_matches(
        None, positives, services, pictures=context.geometry_pictures, sha256=state.sha256
    )
    drafts = counted_drafts(state)
    density, photos = _density(state, context, services, [*positives, *drafts])
    observed = Observed(
        retrieval=state.retrieval,
        drafts=drafts,
        before=state.candidates,
        matches=matches,
        density=density,
        photos_in_gallery=photos,
        scene=None if state.scene is None else state.scene.kind,
        claimed=state.claimed,
        likeness=_likeness(state, services),
    )
    return observed, degraded


def counted_drafts(state: State) -> list[Draft]:
    """Return the drafts that speak in this round: its own, and earlier ones inside its region.

    The consensus is made of the same photos as the clusters; counting it would count them twice.
    Earlier drafts outside the region are among the candidates that are carried on.
    """
    return [
        draft
        for draft in state.drafts
        if draft.drafted_by != CONSENSUS
        and (draft.round == state.round or _inside(draft, state.region))
    ]


def _likeness(
    state: State, services: Services
) -> Callable[[Sequence[tuple[float, float]]], list[float]] | None:
    """Return what compares the photo with places; its vector is computed once and kept."""
    model = services.image_place
    if model is None:
        return None
    vector = services.queries.vector(state.sha256, model.name)
    if vector is None:
        vector = model.vector(from_jpeg(services.queries.find(state.sha256).jpeg))
        services.queries.keep_vector(state.sha256, model.name, vector)
    return partial(model.likeness, vector)


def _inside(draft: Draft, region: Region | None) -> bool:
    if region is None or draft.latitude is None or draft.longitude is None:
        return False
    return holds(region, draft.latitude, draft.longitude)


def _density(
    state: State, context: Context, services: Services, places: Sequence[Hit | Draft]
) -> tuple[Density, int]:
    """Count the gallery's photos around the places found and drafted, in one question."""
    points = _apart(places)
    # Of what the question allows: where it allows one city only, all photos are of that city, and
    # at a border those across it are none that could have been found.
    search = Search(
        encoder=state.encoder,
        galleries=context.galleries,
        areas=search_areas(None, state.within),
    )
    around = [
        Search(
            encoder=state.encoder,
            galleries=context.galleries,
            areas=search_areas(circle(*point, PLACE_SCALE_KM), state.within),
        )
        for point in points
    ]
    everywhere, *counts = services.gallery.counts([search, *around])

    return counted_at(points, counts), everywhere


def _apart(places: Sequence[Hit | Draft]) -> list[tuple[float, float]]:
    """Return where there is something to count around, each about once."""
    points = [
        (place.latitude, place.longitude)
        for place in places
        if place.latitude is not None and place.longitude is not None
    ]
    latitudes, longitudes = np.array(points, dtype=np.float64).reshape(-1, 2).T
    beside = distances_km(latitudes, longitudes, latitudes, longitudes) <= _SAME_KM
    counted: list[tuple[float, float]] = []
    known = np.zeros(len(points), dtype=bool)
    for at, point in enumerate(points):
        if not known[at]:
            counted.append(point)
            known |= beside[at]
    return counted
