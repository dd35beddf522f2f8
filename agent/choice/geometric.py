"""Which pictures the photo is compared with point by point, and what came of it.

Nothing leaves this machine: pictures are read from where they were ingested, and what was found in
them is kept in the database.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from PIL import Image

from geofix.agent.errors import PhotoError
from geofix.agent.services import Services
from geofix.agent.state import Hit
from geofix.db.local_features import StoredFeatures
from geofix.db.pictures import StoredPicture
from geofix.tools.exemplars import read_exemplar, was_kept
from geofix.tools.geometry.geometric_match import GeometricMatch
from geofix.tools.images import from_jpeg

if TYPE_CHECKING:
    from geofix.tools.geometry.local_features import LocalFeatures

_WORKERS = min(4, os.cpu_count() or 1)
"""OpenCV and numpy let go of the interpreter while they work."""

_REASONS_SAID = 3

_KEPT_COPY = " of the kept copy"
"""The photo asked about is kept re-encoded; as a gallery's photo the same file is read itself."""


def geometric_matches(
    pixels: Image.Image | None,
    hits: Sequence[Hit],
    services: Services,
    *,
    pictures: int,
    sha256: str | None = None,
) -> tuple[dict[int, GeometricMatch], list[str]]:
    """Compare the photo with pictures of the hits.

    Args:
        pixels: Of the photo; may be left out where `sha256` is given.
        hits: Most similar first; those without a picture on this machine are passed over.
        services: To the gallery, the photos asked about and the features kept.
        pictures: So many are compared; 0 compares none.
        sha256: Of the photo as it is kept; its features are then kept and looked up too.

    Returns:
        Matches by `photo_id`, and at most one line on what could not be compared.

    Raises:
        ValueError: Neither pixels nor hash are given.
    """
    if pictures <= 0 or not hits:
        return {}, []
    # OpenCV takes 0.2 s to import, which `geofix --help` and runs without pictures can do without.
    from geofix.tools.geometry.verification import match  # noqa: PLC0415

    with ThreadPoolExecutor(_WORKERS, "geometry") as pool:
        found, missing = _of_hits(hits, pictures, services, pool)
        if not found:
            return {}, _said(missing, len(hits))
        try:
            query = _of_photo(pixels, sha256, services)
        except PhotoError as error:
            return {}, [f"geometry: the photo was compared with no picture: {error}"]
        results = pool.map(lambda other: match(query, other), found.values())
        matches = dict(zip(found, results, strict=True))
    # Those passed over are worth a word only where others did not take their place.
    return matches, _said(missing, len(hits)) if len(matches) < pictures else []


def _of_photo(pixels: Image.Image | None, sha256: str | None, services: Services) -> LocalFeatures:
    from geofix.tools.geometry.local_features import (  # noqa: PLC0415 (OpenCV, as above)
        METHOD,
        LocalFeatures,
        local_features,
    )

    if sha256 is None:
        if pixels is None:
            raise ValueError("give the photo's pixels or its sha256; both are None")
        return local_features(pixels)
    method = METHOD + _KEPT_COPY
    stored = services.features.find([sha256], method).get(sha256)
    if stored is not None:
        return LocalFeatures.from_bytes(stored.features, stored.width, stored.height)
    found = local_features(pixels or from_jpeg(services.queries.find(sha256).jpeg))
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
