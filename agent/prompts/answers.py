"""What a model may answer: the schemas it is given, and how forgivingly its fields are read."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, field_validator

from geofix.agent.clues import ClueKind
from geofix.db.plain_text import one_line
from geofix.tools.degrees import Axis, read_degrees

Words = Annotated[str, AfterValidator(one_line)]
"""As a model wrote them, fit for Postgres and for a terminal; the schema shows a plain string."""


def _degrees(axis: Axis) -> BeforeValidator:
    """Read what models write in place of a number; the schema asks for a number all the same."""

    def read(value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f"{value!r} is no {axis}; give one number of decimal degrees")
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
            raise ValueError(f"{value!r} is no chance; give a number from 0 to 1")
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
