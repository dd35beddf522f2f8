"""Says where the photo asked about is in a gallery itself: the file, or what looks like a copy.

The place that a gallery gives for the very photo is the best lead there is, and no evidence: it can
be wrong, or be what somebody wants to have confirmed. So it stands beside the answer. No search
finds the file itself, no model is told of it, and nothing is decided by it. A copy that was saved
anew is another file, and a similar photo like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.answer import KnownPhoto
from geofix.agent.context import Context
from geofix.agent.services import Services
from geofix.agent.state import Hit, Retrieval
from geofix.agent.verify.observe import compared_pictures

MOST_KNOWN = 3
"""Photos that are told; the file itself goes before copies."""

WORTH_COMPARING = 0.6
"""Similarity from which a picture is compared. Copies that were cropped by a tenth on each side or
saved at quality 30 had 0.67 or more (`python -m benchmarks.near_copies`)."""

SAME_VECTOR = 0.98
"""Similarity from which a photo looks like a copy where there is no picture to compare: no two of
the starter gallery's 162 photos have more than 0.90."""


def known_photos(
    sha256: str, retrievals: Sequence[Retrieval], context: Context, services: Services
) -> list[KnownPhoto]:
    """Return the gallery photos that are the photo, then those that look like copies of it.

    Args:
        sha256: Of the photo's file, in hex.
        retrievals: The searches of the run.
        context: Which galleries were searched, and whether pictures are compared.
        services: To galleries and pictures.
    """
    exact = [
        KnownPhoto(
            kind="exact",
            latitude=one.latitude,
            longitude=one.longitude,
            gallery=one.gallery,
            source=one.source,
            external_id=one.external_id,
        )
        for one in services.gallery.copies(sha256, context.galleries, MOST_KNOWN)
    ]
    shared = KnownPhoto.model_fields.keys() & Hit.model_fields.keys()
    near = [
        KnownPhoto(kind="near_copy", **hit.model_dump(include=set(shared)))
        for hit in _near_copies(sha256, retrievals, context, services)
    ]
    return [*exact, *near][:MOST_KNOWN]


def _near_copies(
    sha256: str, retrievals: Sequence[Retrieval], context: Context, services: Services
) -> list[Hit]:
    found = {hit.photo_id: hit for retrieval in retrievals for hit in retrieval.positives}
    likely = sorted(
        (hit for hit in found.values() if hit.similarity >= WORTH_COMPARING),
        key=lambda hit: -hit.similarity,
    )[:MOST_KNOWN]
    pictures = min(context.geometry_pictures, len(likely))
    copies: dict[int, bool] = {}
    if pictures:
        # OpenCV takes 0.2 s to import, which runs without such a photo can do without.
        from geofix.tools.geometry.copies import align  # noqa: PLC0415

        aligned, _ = compared_pictures(sha256, likely, services, align, pictures=pictures)
        copies = {photo: one.is_copy for photo, one in aligned.items()}
    stands_out = _stands_out(likely, retrievals)
    return [hit for hit in likely if copies.get(hit.photo_id, hit is stands_out)]


def _stands_out(likely: Sequence[Hit], retrievals: Sequence[Retrieval]) -> Hit | None:
    """Return the one photo whose vector is nearly that of the photo; none where several are.

    Frames of a film, or photos of one color, are all alike. Raw vectors share a large mean, which
    makes any two alike.
    """
    same = [hit for hit in likely if hit.similarity >= SAME_VECTOR]
    centred = all(retrieval.centring_version is not None for retrieval in retrievals)
    return same[0] if len(same) == 1 and centred else None
