"""Degrees, WGS84: as the persisted types take them, and as a person reads them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Latitude = Annotated[float, Field(ge=-90, le=90)]
"""Refused where it is not on the Earth."""

Longitude = Annotated[float, Field(ge=-180, le=180)]

Corners = tuple[Latitude, Longitude, Latitude, Longitude]
"""South, west, north, east; a west greater than the east is across the antimeridian."""


def written(latitude: float, longitude: float) -> str:
    """Return both, to a meter: a corner of a street is told apart at ten."""
    return f"{latitude:.5f}, {longitude:.5f}"
