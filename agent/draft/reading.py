"""The draft that an answer comes to: its place, whom it agrees with, and what is odd about it."""

from __future__ import annotations

from collections.abc import Sequence

from geofix.agent.draft.answers import AnyAnswer, DraftAnswer, SpokenPoint
from geofix.agent.draft.lists import Shown, ShownItem
from geofix.agent.draft.provenance import Clue
from geofix.agent.state import Draft, Hit
from geofix.tools.geo.countries import is_land
from geofix.tools.geo.distance import haversine_km
from geofix.tools.statistics import PLACE_KM

SWAP_KM = 200.0
"""Swapped coordinates this close to a similar photo are taken for a slip, and noted."""

ON_LAND = ("road", "building", "vehicle")
"""Clues that are not seen at sea."""

MOST_CHARACTERS = 1000
"""Longest clue or hypothesis in the state; the trail keeps the whole answer."""

MOST_ENTRIES = 20
"""Clues, and hypotheses, in the state."""

ALONE = "the model answered with coordinates alone, without clues and confidence"


def read_draft(answer: AnyAnswer, asked: Draft, shown: Shown, positives: Sequence[Hit]) -> Draft:
    """Return the draft that an answer is.

    An answer that names a candidate and gives no coordinates, or that repeats the digits of
    something in the lists, agrees with it and is a draft at its place. One with digits of its own
    is a draft of its own.

    Args:
        answer: The model's.
        asked: A draft without a place, that says how the model was asked.
        shown: What the model was shown.
        positives: The round's, shown or not.
    """
    full = answer if isinstance(answer, DraftAnswer) else None
    clues = [] if full is None else full.clues[:MOST_ENTRIES]
    hypotheses = [] if full is None else full.hypotheses[:MOST_ENTRIES]
    asked = asked.model_copy(
        update={
            "clues": [Clue(kind=clue.kind, observation=_cut(clue.observation)) for clue in clues],
            "hypotheses": [_cut(one) for one in hypotheses],
        }
    )
    notes = [ALONE] if isinstance(answer, SpokenPoint) else []
    named, no_such = _named(answer, shown)
    why_not = _why_none(answer)
    latitude, longitude = answer.latitude, answer.longitude
    if latitude is None or longitude is None or why_not is not None:
        agrees = named
        # Whoever names a candidate has no need of coordinates.
        why = [] if named is not None and latitude is None else [why_not or NO_COORDINATES]
        notes += [*why, *_swapped(answer, positives), *no_such]
        latitude = longitude = None
    else:
        agrees = shown.repeated(latitude, longitude)
        notes += [*_swapped(answer, positives), *no_such]
        notes += _apart(named, latitude, longitude) if agrees != named else []
        notes += _at_sea(latitude, longitude, [clue.kind for clue in clues])
    if agrees is not None:
        notes.append(_agreement(agrees, named))
        latitude, longitude = agrees.latitude, agrees.longitude
    return asked.model_copy(
        update={
            "latitude": latitude,
            "longitude": longitude,
            "confidence": None if full is None or latitude is None else full.confidence,
            "agrees_with": None if agrees is None else agrees.name,
            "notes": notes,
        }
    )


NO_COORDINATES = "the model gave no coordinates"


def _why_none(answer: AnyAnswer) -> str | None:
    """Return why an answer has no coordinates in it; none if it has."""
    latitude, longitude = answer.latitude, answer.longitude
    if latitude is None or longitude is None:
        return NO_COORDINATES
    if latitude == 0 and longitude == 0:
        return "the model answered (0, 0), which is taken as no answer"
    if not _on_earth(latitude, longitude):
        return f"the model's ({latitude!r}, {longitude!r}) is not on the Earth"
    return None


def _named(answer: AnyAnswer, shown: Shown) -> tuple[ShownItem | None, list[str]]:
    """Return the candidate that an answer names, and a note if there is none of that number."""
    number = answer.agrees_with_candidate if isinstance(answer, DraftAnswer) else None
    if number is None:
        return None, []
    if not 1 <= number <= len(shown.candidates):
        return None, [
            f"the model agrees with candidate {number}, but it was shown {len(shown.candidates)}"
        ]
    return shown.candidate(number), []


def _agreement(agrees: ShownItem, named: ShownItem | None) -> str:
    if agrees == named:
        return f"the model agrees with {agrees.name}"
    return f"the model repeats the coordinates of {agrees.name}, which counts as agreement"


def _apart(named: ShownItem | None, latitude: float, longitude: float) -> list[str]:
    """Say where a model agrees with a candidate and places the photo elsewhere."""
    if named is None:
        return []
    apart_km = float(haversine_km(latitude, longitude, named.latitude, named.longitude))
    if apart_km <= PLACE_KM:
        return []
    return [
        f"the model agrees with {named.name}, but its coordinates are {apart_km:,.0f} km from it;"
        " the coordinates count"
    ]


def _swapped(answer: AnyAnswer, positives: Sequence[Hit]) -> list[str]:
    """Say where coordinates make sense only the other way round; they are never turned here."""
    latitude, longitude = answer.latitude, answer.longitude
    if latitude is None or longitude is None or not _on_earth(longitude, latitude):
        return []
    if _on_earth(latitude, longitude) and not (
        _near_any(longitude, latitude, positives) and not _near_any(latitude, longitude, positives)
    ):
        return []
    return ["the model seems to have swapped latitude and longitude"]


def _at_sea(latitude: float, longitude: float, kinds: Sequence[str]) -> list[str]:
    if is_land(latitude, longitude):
        return []
    seen = next((kind for kind in ON_LAND if kind in kinds), None)
    though = "" if seen is None else f", although it saw a {seen}"
    return [f"the model's point lies in the sea{though}"]


def _on_earth(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 180


def _near_any(latitude: float, longitude: float, hits: Sequence[Hit]) -> bool:
    return any(
        haversine_km(latitude, longitude, hit.latitude, hit.longitude) <= SWAP_KM for hit in hits
    )


def _cut(words: str) -> str:
    return words if len(words) <= MOST_CHARACTERS else words[: MOST_CHARACTERS - 1] + "…"
