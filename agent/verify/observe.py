"""What a round knows, gathered from state, gallery and pictures that are compared.

Nothing leaves this machine: pictures are read from where they were ingested, and what was found in
them is kept in the database.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from geofix.agent.context import Context
from geofix.agent.draft.consensus import CONSENSUS
from geofix.agent.errors import PhotoError
from geofix.agent.regions import circle, holds, search_areas
from geofix.agent.services import Services
from geofix.agent.state import Draft, Hit, Region, State
from geofix.agent.verify.observed import Density, Observed, counted_at
from geofix.db.search.query import Search
from geofix.db.stores import StoredFeatures, StoredPicture
from geofix.tools.geo.distance import distances_km
from geofix.tools.geometry import GeometricMatch
from geofix.tools.photo.exemplars import read_exemplar, was_kept
from geofix.tools.photo.read import from_jpeg
from geofix.tools.statistics import PLACE_KM

if TYPE_CHECKING:
    from geofix.tools.geometry.local_features import LocalFeatures


_WORKERS = min(4, os.cpu_count() or 1)
"""OpenCV and numpy let go of the interpreter while they work."""

_REASONS_SAID = 3

_KEPT_COPY = " of the kept copy"
"""The photo asked about is kept re-encoded; as a gallery's photo the same file is read itself."""


def geometric_matches(
    sha256: str, hits: Sequence[Hit], services: Services, *, pictures: int
) -> tuple[dict[int, GeometricMatch], list[str]]:
    """Match the photo with pictures of the hits, see `compared_pictures`."""
    if pictures <= 0 or not hits:
        return {}, []
    # OpenCV takes 0.2 s to import, which `geofix --help` and runs without pictures can do without.
    from geofix.tools.geometry.verification import match  # noqa: PLC0415

    return compared_pictures(sha256, hits, services, match, pictures=pictures)


Compared = TypeVar("Compared")


def compared_pictures(
    sha256: str,
    hits: Sequence[Hit],
    services: Services,
    compare: Callable[[LocalFeatures, LocalFeatures], Compared],
    *,
    pictures: int,
) -> tuple[dict[int, Compared], list[str]]:
    """Compare the photo with pictures of the hits.

    Args:
        sha256: The kept photo; its features are kept and looked up too.
        hits: Most similar first; those without a picture on this machine are passed over.
        services: To the gallery, the photos asked about and the features kept.
        compare: Compares features of the photo with those of a picture.
        pictures: How many are compared.

    Returns:
        What it returned by `photo_id`, and at most one line on what could not be compared.
    """
    with ThreadPoolExecutor(_WORKERS, "geometry") as pool:
        found, missing = _of_hits(hits, pictures, services, pool)
        if not found:
            return {}, _said(missing, len(hits))
        try:
            query = _of_photo(sha256, services)
        except PhotoError as error:
            return {}, [f"geometry: the photo could not be compared with any picture: {error}"]
        results = pool.map(lambda other: compare(query, other), found.values())
        matches = dict(zip(found, results, strict=True))
    # Those passed over are worth a word only where others did not take their place.
    return matches, _said(missing, len(hits)) if len(matches) < pictures else []


def _of_photo(sha256: str, services: Services) -> LocalFeatures:
    from geofix.tools.geometry.local_features import (  # noqa: PLC0415 (OpenCV, as above)
        METHOD,
        LocalFeatures,
        local_features,
    )

    method = METHOD + _KEPT_COPY
    stored = services.features.find([sha256], method).get(sha256)
    if stored is not None:
        return LocalFeatures.from_bytes(stored.features, stored.width, stored.height)
    found = local_features(from_jpeg(services.queries.find(sha256).jpeg))
    services.features.keep({sha256: _as_stored(found)}, method)
    return found


def _of_hits(
    hits: Sequence[Hit], pictures: int, services: Services, pool: ThreadPoolExecutor
) -> tuple[dict[int, LocalFeatures], Counter[str]]:
    """Return features of the first hits that have any, by photo id, and why others have none."""
    stored = services.pictures.find([hit.photo_id for hit in hits])
    found: dict[int, LocalFeatures] = {}
    missing: Counter[str] = Counter()
    waiting = [hit.photo_id for hit in hits]
    while waiting and len(found) < pictures:
        most = pictures - len(found)
        asked, waiting = waiting[:most], waiting[most:]
        missing["the photo was removed"] += sum(photo not in stored for photo in asked)
        # A gallery of bare vectors has no pictures: nothing was asked that could not be done.
        there = {
            photo: stored[photo] for photo in asked if photo in stored and was_kept(stored[photo])
        }
        found.update(_of_pictures(there, services, pool, missing))
    return found, +missing


def _of_pictures(
    pictures: dict[int, StoredPicture],
    services: Services,
    pool: ThreadPoolExecutor,
    missing: Counter[str],
) -> dict[int, LocalFeatures]:
    from geofix.tools.geometry.local_features import (  # noqa: PLC0415 (OpenCV, as above)
        METHOD,
        LocalFeatures,
        local_features,
    )

    def looked_at(picture: StoredPicture) -> LocalFeatures | str:
        try:
            return local_features(read_exemplar(picture))
        except PhotoError as error:
            return str(error)

    hashes = [picture.sha256 for picture in pictures.values() if picture.sha256 is not None]
    kept = services.features.find(hashes, METHOD)
    new = [photo for photo, picture in pictures.items() if picture.sha256 not in kept]
    read = dict(zip(new, pool.map(looked_at, [pictures[photo] for photo in new]), strict=True))
    found: dict[int, LocalFeatures] = {}
    fresh: dict[str, StoredFeatures] = {}
    for photo, picture in pictures.items():
        features = read.get(photo)
        if isinstance(features, str):
            missing[features] += 1
            continue
        # A picture without a hash was refused above.
        sha256 = str(picture.sha256)
        if features is None:
            stored = kept[sha256]
            features = LocalFeatures.from_bytes(stored.features, stored.width, stored.height)
        else:
            fresh[sha256] = _as_stored(features)
        found[photo] = features
    services.features.keep(fresh, METHOD)
    return found


def _as_stored(features: LocalFeatures) -> StoredFeatures:
    return StoredFeatures(features.to_bytes(), features.width, features.height)


def _said(missing: Counter[str], hits: int) -> list[str]:
    if not missing:
        return []
    first = missing.most_common(_REASONS_SAID)
    reasons = [f"{count}: {reason}" for reason, count in first]
    if rest := missing.total() - sum(count for _, count in first):
        reasons.append(f"{rest}: other reasons")
    counted = f"{missing.total()} of {hits} pictures could not be compared"
    return [f"geometry: {counted} ({'; '.join(reasons)})"]


_SAME_KM = 1.0
"""Points this close have the same density: it is counted by cells of 28 km."""


def observe(state: State, context: Context, services: Services) -> tuple[Observed, list[str]]:
    """Return what the round knows, and what could not be found out.

    Args:
        state: After retrieval and drafts.
        context: How many pictures to compare.
        services: To the gallery and its pictures.
    """
    positives = state.retrieval.positives
    matches, degraded = geometric_matches(
        state.sha256, positives, services, pictures=context.geometry_pictures
    )
    drafts = counted_drafts(state)
    density, photos = _density(state, context, services, [*positives, *drafts])
    observed = Observed(
        retrieval=state.retrieval,
        drafts=drafts,
        before=state.candidates if state.narrowed else [],
        matches=matches,
        density=density,
        photos_in_gallery=photos,
        scene=None if state.scene is None else state.scene.kind,
        claimed=state.asked.claimed,
        place_similarity=place_similarity(state, services),
    )
    return observed, degraded


def counted_drafts(state: State) -> list[Draft]:
    """Return the drafts that count in this round: its own, and earlier ones inside its circle.

    The consensus is made of the same photos as the clusters; counting it would count them twice.
    Earlier drafts outside the circle are among the candidates that are carried on. Those from
    before somebody gave a region do not count.
    """
    circle_ = state.region if state.narrowed else None
    since = state.searches[0].round
    return [
        draft
        for draft in state.drafts
        if draft.drafted_by != CONSENSUS
        and draft.round >= since
        and (draft.round == state.round or _inside(draft, circle_))
    ]


def place_similarity(
    state: State, services: Services
) -> Callable[[Sequence[tuple[float, float]]], list[float]] | None:
    """Return what compares the photo with places; none where no model for it is configured."""
    model = services.image_place
    vector = image_place_vector(state, services)
    return None if model is None or vector is None else partial(model.similarity, vector)


def image_place_vector(state: State, services: Services) -> NDArray[np.float32] | None:
    """Return the photo's vector among places, which is computed once and kept; none as above."""
    model = services.image_place
    if model is None:
        return None
    vector = services.queries.vector(state.sha256, model.name)
    if vector is None:
        vector = model.vector(from_jpeg(services.queries.find(state.sha256).jpeg))
        services.queries.keep_vector(state.sha256, model.name, vector)
    return vector


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
        areas=search_areas(*state.bounds),
    )
    around = [
        Search(
            encoder=state.encoder,
            galleries=context.galleries,
            areas=search_areas(*state.bounds, circle(*point, PLACE_KM)),
        )
        for point in points
    ]
    everywhere, *counts = services.gallery.counts([search, *around])

    return counted_at(points, counts), everywhere


def _apart(places: Sequence[Hit | Draft]) -> list[tuple[float, float]]:
    """Return the points to count photos around, without near duplicates."""
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
