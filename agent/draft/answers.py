"""What a model may answer, how forgivingly it is read, and the draft that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, field_validator

from geofix.agent.draft.lists import point
from geofix.agent.draft.provenance import Clue, ClueKind
from geofix.agent.state import Draft, Hit
from geofix.db.plain_text import one_line
from geofix.tools.geo.countries import is_land
from geofix.tools.geo.degrees import Axis, read_degrees
from geofix.tools.geo.distance import haversine_km

Words = Annotated[str, AfterValidator(one_line)]
"""As a model wrote them, fit for Postgres and for a terminal; the schema shows a plain string."""


def _degrees(axis: Axis) -> BeforeValidator:
    """Read what models write in place of a number; the schema asks for a number all the same."""

    def read(value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f"{value!r} is not a {axis}; give one number in decimal degrees")
        return read_degrees(value, axis) if isinstance(value, str) else value

    return BeforeValidator(read)


class SeenClue(BaseModel):
    """One thing seen in the photo."""

    kind: ClueKind = Field(description="What kind of clue it is.")
    observation: Words = Field(description="What is seen, and what it says about the place.")

    @field_validator("kind", mode="before")
    @classmethod
    def _known_kind(cls, kind: object) -> object:
        """Take a kind of the model's own invention for `other`: the clue is worth more than it."""
        return kind if kind in get_args(ClueKind) else "other"


class DraftAnswer(BaseModel):
    """Where the photo was taken, reasons first."""

    # The docstring travels with the schema. No field has a default or a numeric bound in it: strict
    # modes want every field required, and some servers refuse `minimum`.

    clues: list[SeenClue] = Field(description="What the photo shows that depends on the place.")
    hypotheses: list[Words] = Field(
        description="Places considered, each with what speaks for and against it."
    )
    can_tell: bool = Field(description="Whether the photo can be placed at all.")
    latitude: Annotated[float | None, _degrees("latitude")] = Field(
        description="Decimal degrees, north positive; null if unknown."
    )
    longitude: Annotated[float | None, _degrees("longitude")] = Field(
        description="Decimal degrees, east positive; null if unknown."
    )
    confidence: float = Field(
        description="Chance that the coordinates are within 25 km of the truth, from 0 to 1."
    )

    @field_validator("confidence")
    @classmethod
    def _a_chance(cls, value: float) -> float:
        if not 0 <= value <= 1:
            raise ValueError(f"{value!r} is not a probability; give a number from 0 to 1")
        return value


class PointAnswer(BaseModel):
    """Where the photo was taken: coordinates and nothing else."""

    latitude: Annotated[float, _degrees("latitude")] = Field(
        description="Decimal degrees, north positive."
    )
    longitude: Annotated[float, _degrees("longitude")] = Field(
        description="Decimal degrees, east positive."
    )


AnyAnswer = DraftAnswer | PointAnswer


SWAP_KM = 200.0
"""Swapped coordinates this close to a similar photo are taken for a slip, and noted."""

ON_LAND = ("road", "building", "vehicle")
"""Clues that are not seen at sea."""

MOST_CHARACTERS = 1000
"""Longest clue or hypothesis in the state; the trail keeps the whole answer."""

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
        return "the model answered (0, 0), which is taken as no answer"
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
    return [f"the model copied the coordinates of {copied_from}, so they add no evidence"]


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
