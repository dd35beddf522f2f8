"""geofix's own words: candidates by place, reasons before coordinates, and leave not to know."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.prompts.guard import GUARD
from geofix.agent.prompts.quoting import quoted
from geofix.agent.prompts.shown import Shown, point
from geofix.agent.shortlist import ShortlistedPlace
from geofix.agent.state import Hit
from geofix.tools.geo import haversine_km

MOST_PHOTOS = 5
"""Photos listed of one candidate."""

WEIGH = {
    "dissimilar": """\
Look at the photo first; then weigh
it against candidates, which are places where photos that look similar were taken, and a list of
photos that look dissimilar, all found by an image search. The search can be wrong: trust what you
see over what it found where they disagree, and say so.""",
    "far": """\
Look at the photo first; then weigh
it against candidates, which are places where photos that look similar were taken, and a list of
similar ones from elsewhere, all found by an image search. The search can be wrong: trust what you
see over what it found where they disagree, and say so.""",
    "none": """\
Look at the photo first; then weigh
it against candidates, which are places where photos that look similar were taken, found by an
image search. The search can be wrong: trust what you see over what it found where they disagree,
and say so.""",
    "alone": "You have nothing but the photo.",
}
"""What a model is to do with the lists, by the kind of the negatives."""

FRAME = """\
You find out where a photo was taken. {weigh}

{guard}

Work in this order: name the clues you see, each with its kind; weigh at least two hypotheses;
only then decide. If the photo could have been taken almost anywhere, say that you cannot tell:
that is a good answer, and a guess is not. Give coordinates in decimal degrees, WGS84, latitude
from -90 (south) to 90 (north), longitude from -180 (west) to 180 (east)."""

SYSTEM = {kind: FRAME.format(weigh=weigh, guard=GUARD) for kind, weigh in WEIGH.items()}
"""The system prompt, by the kind of the negatives."""

NEGATIVES = {
    "dissimilar": "Photos that look dissimilar were taken at; the place is probably far from"
    " these:\n",
    "far": "Photos that look similar too, but far from where most similar ones were taken; the"
    " photo is probably from another place than these:\n",
}
"""What a model is told of the negatives, by their kind."""

CANDIDATES = "Candidates (latitude, longitude, place, photos of it), the likeliest first:\n"


def system(shown: Shown) -> str:
    """Return the system prompt; a list that is not there is not spoken of."""
    if not shown.positives and not shown.negatives:
        return SYSTEM["alone"]
    # In a finer round there may be nothing far away.
    return SYSTEM[shown.negatives_by if shown.negatives else "none"]


def lists(shown: Shown) -> str:
    """Return region, candidates and negatives as the model reads them; empty without any."""
    parts = []
    within = shown.within()
    if within is not None:
        parts.append(f"The place lies within: {within}.")
    if shown.candidates or shown.negatives:
        parts.append(CANDIDATES + _candidates(shown.candidates))
    if shown.negatives:
        parts.append(NEGATIVES[shown.negatives_by] + _negatives(shown.negatives))
    return "\n\n".join(parts)


def _candidates(places: Sequence[ShortlistedPlace]) -> str:
    lines = [
        f"{number}. {point(place.latitude, place.longitude)}, {_name(place.best)},"
        f" {_photos(place)}{_away(place, places[0])}"
        for number, place in enumerate(places, start=1)
    ]
    return "\n".join(lines) or "(none)"


def _photos(place: ShortlistedPlace) -> str:
    best = f"{place.best.similarity:.2f}"
    if len(place.photos) == 1:
        return f"one photo, similarity {best}"
    listed = "; ".join(
        f"{point(hit.latitude, hit.longitude)} ({hit.similarity:.2f})"
        for hit in place.photos[:MOST_PHOTOS]
    )
    return (
        f"{len(place.photos)} photos within {_km(place.spread_km)} of it, best similarity {best}:"
        f" {listed}"
    )


def _away(place: ShortlistedPlace, first: ShortlistedPlace) -> str:
    if place is first:
        return ""
    apart = haversine_km(place.latitude, place.longitude, first.latitude, first.longitude)
    return f"; {_km(float(apart))} from candidate 1"


def _km(distance_km: float) -> str:
    # No decimals: a number with a point in it is taken for a coordinate.
    return "1 km" if distance_km < 1 else f"{distance_km:.0f} km"


def _negatives(hits: Sequence[Hit]) -> str:
    return "\n".join(
        f"{number}. {point(hit.latitude, hit.longitude)}, {_name(hit)}, {hit.similarity:.2f}"
        for number, hit in enumerate(hits, start=1)
    )


def _name(hit: Hit) -> str:
    return "unnamed place" if hit.place is None else quoted(hit.place)
