"""What every part of the contract `geofix.fix/1` is made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

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
