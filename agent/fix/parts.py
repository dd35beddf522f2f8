"""What every part of the answer is made of, and the part that says where the photo itself is known.

The other parts are in `geofix.agent.fix.contract`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from geofix.agent.answer import Latitude, Longitude

Share = Annotated[float, Field(ge=0, le=1)]

Meters = Annotated[int, Field(ge=0)]


def _open(schema: dict[str, Any]) -> None:
    """Let a schema accept the fields that later versions add."""
    schema.pop("additionalProperties", None)


class Part(BaseModel):
    """A part of the answer. It is read-only, and a field that it does not have is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        serialize_by_alias=True,
        json_schema_extra=_open,
    )


KnownKind = Annotated[
    str, WithJsonSchema({"anyOf": [{"enum": ["exact", "near_copy"]}, {"type": "string"}]})
]


class FixKnownPhoto(Part):
    """A gallery photo that is the photo asked about, or looks like a copy of it.

    The answer does not depend on the file itself: it is left out of every search, and no model that
    drafts is told where it is. A copy is a similar photo like others, so the answer may rest on it.
    The place is the gallery's word, and can be wrong.
    """

    kind: KnownKind
    """`exact`: a file with the same bytes. `near_copy`: a picture that looks the same but for size,
    crop, compression or brightness. Later versions may add
    kinds."""
    gallery: str
    """Name of the gallery that has the photo."""
    source: str
    """Where the gallery has the photo from."""
    photo: str
    """Id of the photo at its source."""
    latitude: Latitude
    """Degrees with five decimals."""
    longitude: Longitude
    """Degrees with five decimals."""
    distance_m: Meters | None = None
    """Meters from the position. null without one."""
