"""What a model may answer, and how forgivingly it is read.

The schema that a model is sent asks for every field, since strict modes want that. Read is also an
answer that leaves out fields, gives them other usual names, or wraps them; and coordinates in prose
where there is exactly one pair. Only a latitude that is none, or is a longitude, is sent back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from geofix.agent.draft.provenance import ClueKind
from geofix.db.plain_text import one_line
from geofix.tools.geo.degrees import Axis, read_degrees
from geofix.tools.geo.pairs import only_pair
from geofix.tools.models.reply import Spoken

Words = Annotated[str, AfterValidator(one_line)]
"""As a model wrote them, fit for Postgres and for a terminal; the schema shows a plain string."""


def _degrees(axis: Axis) -> BeforeValidator:
    """Read what models write in place of a number; the schema asks for a number all the same."""

    def read(value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f"{value!r} is not a {axis}; give one number in decimal degrees")
        return read_degrees(value, axis) if isinstance(value, str) else value

    return BeforeValidator(read)


CALLED = {
    "latitude": ("lat",),
    "longitude": ("lon", "lng", "long"),
    "agrees_with_candidate": ("candidate",),
}
"""Other names that models give to fields, whatever the schema says."""

_WRAPPINGS = 3
"""Objects around an answer that are opened: a tool call, `answer`, `coordinates`."""

_CONTENTS = ("arguments", "parameters", "coordinates", "location")
"""Fields that may hold the answer; another one may where it is the only field."""


def _unwrapped(said: Any) -> Any:
    """Return the fields of an answer under the names of the schema.

    `coordinates` may be a list of latitude and longitude, but not in GeoJSON, whose order is the
    other one.
    """
    for _ in range(_WRAPPINGS):
        if not isinstance(said, Mapping):
            return said
        # `lat` beside `latitude` is another field; the schema's own name holds.
        renamed = {
            name: said[other]
            for name, others in CALLED.items()
            for other in others
            if name not in said and other in said
        }
        said = {**said, **renamed}
        if "latitude" in said or said.get("agrees_with_candidate") is not None:
            return said
        inner = next((said[name] for name in _CONTENTS if name in said), None)
        if inner is None and len(said) == 1:
            (inner,) = said.values()
        if isinstance(inner, list) and len(inner) == 2 and "type" not in said:
            inner = dict(zip(("latitude", "longitude"), inner, strict=True))
        if not isinstance(inner, Mapping):
            return said
        said = {**{k: v for k, v in said.items() if k not in _CONTENTS}, **inner}
    return said


def _number(value: Any) -> Any:
    """Read the number of a candidate; whatever is none, such as a name or 0, stands for none."""
    if isinstance(value, str):
        found = _NUMBERED.fullmatch(value.strip())
        value = None if found is None else int(found["number"])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 < value <= MOST_NUMBER else None


MOST_NUMBER = 10**9
"""Highest number of a candidate that is read; one of 4,000 digits would be repeated in a note."""

_NUMBERED = re.compile(r"(?:candidate )?#?(?P<number>\d{1,3})", re.IGNORECASE)


class SeenClue(BaseModel):
    """One thing seen in the photo."""

    kind: ClueKind = Field(description="What kind of clue it is.")
    observation: Words = Field(description="What is seen, and what it says about the place.")

    @field_validator("kind", mode="before")
    @classmethod
    def _known_kind(cls, kind: object) -> object:
        """Take a kind of the model's own invention for `other`: the clue is worth more than it."""
        return kind if kind in get_args(ClueKind) else "other"


NO_PAIR = "it holds neither a JSON object nor exactly one pair of coordinates"


class DraftAnswer(Spoken):
    """Where the photo was taken, reasons first."""

    # The docstring travels with the schema. No field has a default or a numeric bound in it: strict
    # modes want every field required, and some servers refuse `minimum`.

    found_nothing: ClassVar[str] = NO_PAIR

    clues: list[SeenClue] = Field(description="What the photo shows that depends on the place.")
    hypotheses: list[Words] = Field(
        description="Places considered, each with what speaks for and against it."
    )
    agrees_with_candidate: Annotated[int | None, BeforeValidator(_number)] = Field(
        description="Number of the candidate that the best hypothesis is; null if it is none of"
        " them."
    )
    latitude: Annotated[float | None, _degrees("latitude")] = Field(
        description="Of the best hypothesis: decimal degrees, north positive; null if it is exactly"
        " at the candidate."
    )
    longitude: Annotated[float | None, _degrees("longitude")] = Field(
        description="Of the best hypothesis: decimal degrees, east positive; null as for the"
        " latitude."
    )
    confidence: Annotated[
        float | None,
        WithJsonSchema(
            {
                "type": "number",
                "title": "Confidence",
                "description": "Chance that the best hypothesis is within 25 km of the truth, from"
                " 0 to 1.",
            }
        ),
    ]

    @model_validator(mode="before")
    @classmethod
    def _left_out(cls, said: Any) -> Any:
        """Read an answer with a place whose other fields are missing or have other names."""
        said = _unwrapped(said)
        if not isinstance(said, Mapping):
            return said
        agrees = said.get("agrees_with_candidate")
        if not {"latitude", "longitude"} <= said.keys() and agrees is None:
            return said
        missing = {name: None for name in cls.model_fields if name not in said}
        return {**said, **missing}

    @field_validator("clues", "hypotheses", mode="before")
    @classmethod
    def _none_given(cls, value: Any) -> Any:
        return [] if value is None else value

    @field_validator("confidence")
    @classmethod
    def _a_chance(cls, value: float | None) -> float | None:
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"{value!r} is not a probability; give a number from 0 to 1")
        return value

    @classmethod
    def from_prose(cls, text: str) -> BaseModel | None:
        """Return the only pair of coordinates of a text, or the candidate that is all it names."""
        pair = only_pair(text)
        if pair is not None:
            return SpokenPoint(latitude=pair[0], longitude=pair[1])
        named = _CANDIDATE.fullmatch(text[:_SHORT].strip()) if len(text) <= _SHORT else None
        if named is None:
            return None
        return cls.model_validate({"agrees_with_candidate": int(named["number"])})


_SHORT = 120
"""Characters of an answer that may be nothing but the number of a candidate."""

_CANDIDATE = re.compile(
    r"(?:i (?:agree|go|would go) with |(?:my |the )?(?:best |final )?"
    r"(?:answer|hypothesis|guess|choice|match)(?: is|:) )?"
    r"\**candidate #?(?P<number>\d{1,3})\**[.!]?",
    re.IGNORECASE,
)


class PointAnswer(Spoken):
    """Where the photo was taken: coordinates and nothing else."""

    found_nothing: ClassVar[str] = NO_PAIR

    latitude: Annotated[float, _degrees("latitude")] = Field(
        description="Decimal degrees, north positive."
    )
    longitude: Annotated[float, _degrees("longitude")] = Field(
        description="Decimal degrees, east positive."
    )

    @model_validator(mode="before")
    @classmethod
    def _called(cls, said: Any) -> Any:
        return _unwrapped(said)

    @classmethod
    def from_prose(cls, text: str) -> Self | None:
        """Return the only pair of coordinates of a text; none where there is not exactly one."""
        pair = only_pair(text)
        return None if pair is None else cls(latitude=pair[0], longitude=pair[1])


class SpokenPoint(PointAnswer):
    """Coordinates in prose, where reasons were asked for as well."""


AnyAnswer = DraftAnswer | PointAnswer
