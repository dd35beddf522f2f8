"""retrieve: the most similar and the most dissimilar gallery photos, inside the round's region."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from geofix.agent.context import Context
from geofix.agent.errors import TrailError
from geofix.agent.outcome import Outcome
from geofix.agent.regions import search_areas
from geofix.agent.services import Services
from geofix.agent.state import Hit, Retrieval, State
from geofix.db.centring import Centring
from geofix.db.gallery import Gallery
from geofix.db.search import Neighbour, Search
from geofix.tools.places import places_at


def retrieve(state: State, context: Context, services: Services) -> Outcome:
    """Ask the gallery in both directions; say so where it returns fewer than asked."""
    search = Search(
        encoder=state.encoder,
        galleries=context.galleries,
        areas=search_areas(state.region, state.within),
        vectors=context.vectors,
        without_sha256=state.sha256,
    )
    services.gallery.require(search)
    vector = services.queries.vector(state.sha256, state.encoder)
    if vector is None:
        raise TrailError(f"the vector of photo {state.sha256!r} is gone; run it under a new thread")
    found = search_both_ways(services.gallery, vector, search, context)
    retrieval = found.model_copy(update={"round": state.round, "region": state.region})
    best = f", best {found.positives[0].similarity:.2f}" if found.positives else ""
    return Outcome(
        update={"retrievals": [retrieval]},
        summary=f"{len(found.positives)} similar and {len(found.negatives)} dissimilar of"
        f" {found.searched} photos {_where(state)}{best}",
        detail=retrieval.model_dump(mode="json"),
    )


def search_both_ways(
    gallery: Gallery, vector: NDArray[np.float32], search: Search, context: Context
) -> Retrieval:
    """Return the most similar and the most dissimilar photos, no photo in both.

    Args:
        gallery: What is asked.
        vector: The photo's, `[dimension]`, L2-normalised.
        search: Where, and by which encoder.
        context: How many.
    """
    near = gallery.nearest(vector, context.positives, search)
    far = gallery.most_dissimilar(vector, context.negatives, search)
    known = {neighbour.photo_id for neighbour in near}
    apart = [neighbour for neighbour in far if neighbour.photo_id not in known]
    centring = gallery.centring(search.encoder) if search.vectors == "centred" else None
    return Retrieval(
        round=0,
        region=None,
        positives=_hits(near, centring),
        negatives=_hits(apart, centring),
        searched=gallery.count(search),
        temperature=centring.temperature if centring else None,
        centring_version=centring.version if centring else None,
        impostor_distance_km=centring.impostor_distance_km if centring else None,
        notes=_notes(context, near, far, apart, centring is not None),
    )


def _where(state: State) -> str:
    return "anywhere" if state.region is None else f"in {state.region.name}"


def _notes(
    context: Context,
    near: list[Neighbour],
    far: list[Neighbour],
    apart: list[Neighbour],
    centred: bool,
) -> list[str]:
    notes = [
        f"{asked} {kind} photos were asked for, {len(found)} exist there"
        for kind, found, asked in (
            ("similar", near, context.positives),
            ("dissimilar", far, context.negatives),
        )
        if len(found) < asked
    ]
    if len(apart) < len(far):
        notes.append(
            f"{len(far) - len(apart)} photos were both among the most similar and the most"
            " dissimilar; they count as similar"
        )
    if context.vectors == "centred" and not centred:
        notes.append("too few photos to center their vectors: compared raw")
    return notes


def _hits(neighbours: list[Neighbour], centring: Centring | None) -> list[Hit]:
    places = places_at(
        [neighbour.latitude for neighbour in neighbours],
        [neighbour.longitude for neighbour in neighbours],
    )
    hits = []
    for neighbour, place in zip(neighbours, places, strict=True):
        columns = asdict(neighbour)
        country = columns.pop("country")
        label = None if place is None else place.describe()
        share = centring.impostor_share(neighbour.similarity) if centring else None
        hits.append(Hit(**columns, country_code=country, place=label, impostor_share=share))
    return hits
