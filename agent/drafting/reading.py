"""From what a model answered to a draft: what of it is an answer, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from geofix.agent.prompts.answers import AnyAnswer, DraftAnswer
from geofix.agent.prompts.shown import point
from geofix.agent.state import Clue, Draft, Hit
from geofix.tools.countries import is_land
from geofix.tools.geo import haversine_km

SWAP_KM = 200.0
"""Swapped coordinates this close to a similar photo are taken for a slip, and noted."""

ON_LAND = ("road", "building", "vehicle")
"""Clues that are not seen at sea."""

MOST_CHARACTERS = 1000
"""Of one clue or hypothesis in the state; the trail keeps the answer whole."""

MOST_ENTRIES = 20
"""Clues, and hypotheses, in the state."""


def read_draft(
    answer: AnyAnswer,
    asked: Draft,
    listed: Mapping[str, str],
    positives: Sequence[Hit],
) -> Draft:
    """Return the draft that an answer is.

    Args:
        answer: The model's.
        asked: A draft without a place, that says how the model was asked.
        listed: What the model was shown, by its coordinates as they stood there.
        positives: The round's, shown or not.
    """
    full = answer if isinstance(answer, DraftAnswer) else None
    clues = [] if full is None else full.clues[:MOST_ENTRIES]
    read = {
        "clues": [Clue(kind=clue.kind, observation=_cut(clue.observation)) for clue in clues],
        "hypotheses": [] if full is None else [_cut(h) for h in full.hypotheses[:MOST_ENTRIES]],
    }
    why_not = _why_none(answer)
    latitude, longitude = answer.latitude, answer.longitude
    if why_not is not None or latitude is None or longitude is None:
        notes = [why_not or "the model gave no coordinates", *_swapped(answer, positives)]
        return asked.model_copy(update={**read, "notes": notes})
    copied_from = listed.get(point(latitude, longitude))
    notes = [
        *_swapped(answer, positives),
        *_copied(copied_from),
        *_at_sea(latitude, longitude, [clue.kind for clue in clues]),
    ]
    place = {"latitude": latitude, "longitude": longitude}
    confidence = None if full is None else full.confidence
    more = {"confidence": confidence, "copied_from": copied_from, "notes": notes}
    return asked.model_copy(update={**read, **place, **more})


def _why_none(answer: AnyAnswer) -> str | None:
    """Return why an answer has no place in it; none if it has one."""
    latitude, longitude = answer.latitude, answer.longitude
    if isinstance(answer, DraftAnswer) and not answer.can_tell:
        return "the model says it cannot tell"
    if latitude is None or longitude is None:
        return "the model gave no coordinates"
    if latitude == 0 and longitude == 0:
        return "the model answered (0, 0): taken for no answer"
    if not _on_earth(latitude, longitude):
        return f"the model's ({latitude!r}, {longitude!r}) is not on the Earth"
    return None


def _swapped(answer: AnyAnswer, positives: Sequence[Hit]) -> list[str]:
    """Say where coordinates make sense only the other way round; they are never turned here."""
    latitude, longitude = answer.latitude, answer.longitude
    told = not isinstance(answer, DraftAnswer) or answer.can_tell
    if not told or latitude is None or longitude is None or not _on_earth(longitude, latitude):
        return []
    if _on_earth(latitude, longitude) and not (
        _near_any(longitude, latitude, positives) and not _near_any(latitude, longitude, positives)
    ):
        return []
    return ["the model seems to have swapped latitude and longitude"]


def _copied(copied_from: str | None) -> list[str]:
    if copied_from is None:
        return []
    return [f"the coordinates are those of {copied_from}, digit by digit: no evidence of its own"]


def _at_sea(latitude: float, longitude: float, kinds: Sequence[str]) -> list[str]:
    if is_land(latitude, longitude):
        return []
    seen = next((kind for kind in ON_LAND if kind in kinds), None)
    though = "" if seen is None else f", though a clue is a {seen}"
    return [f"the model's point lies in the sea{though}"]


def _on_earth(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 180


def _near_any(latitude: float, longitude: float, hits: Sequence[Hit]) -> bool:
    return any(
        haversine_km(latitude, longitude, hit.latitude, hit.longitude) <= SWAP_KM for hit in hits
    )


def _cut(words: str) -> str:
    return words if len(words) <= MOST_CHARACTERS else words[: MOST_CHARACTERS - 1] + "…"
