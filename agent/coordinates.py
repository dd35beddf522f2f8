"""Degrees as the persisted types take them: WGS84, refused where they are not on the Earth."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]

Corners = tuple[Latitude, Longitude, Latitude, Longitude]
"""South, west, north, east; a west greater than the east is across the antimeridian."""
