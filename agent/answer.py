"""The parts of an answer, every one persisted, and coordinates as the persisted types take them.

Renaming or moving a class is a migration, as in `geofix.agent.state`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from geofix.db.plain_text import one_line

Latitude = Annotated[float, Field(ge=-90, le=90)]
"""Refused where it is not on the Earth."""

Longitude = Annotated[float, Field(ge=-180, le=180)]

Corners = tuple[Latitude, Longitude, Latitude, Longitude]
"""South, west, north, east; a west greater than the east is across the antimeridian."""


def written(latitude: float, longitude: float) -> str:
    """Return both, to a meter: a corner of a street is told apart at ten."""
    return f"{latitude:.5f}, {longitude:.5f}"


Line = Annotated[str, AfterValidator(one_line)]
"""Words for a person, which may quote a file, a gallery, a model or a server: on one line, and what
steers a terminal or hides is written out. Identifiers (`external_id`, `source`) stay exact."""


class Place(BaseModel):
    """What the answer's coordinates are called."""

    name: str | None = None
    admin: str | None = None
    country: str | None = None
    country_code: str | None = None
    label: Line
    """For people: `Paris, Ile-de-France, France`."""


class Evidence(BaseModel):
    """One gallery photo the answer rests on, with what its licence asks for."""

    latitude: Latitude
    longitude: Longitude
    similarity: float
    distance_km: float
    """From the answer."""
    gallery: str
    source: str
    external_id: str
    licence: Line | None = None
    attribution: Line | None = None
    author: Line | None = None


class Claim(BaseModel):
    """What a photo's EXIF says of place and time. Never used for the answer."""

    latitude: float | None = None
    longitude: float | None = None
    altitude_m: float | None = None
    taken_at: Line | None = None
    camera: Line | None = None
    distance_km: float | None = None
    """From the answer, where there is one."""


class ClaimCheck(BaseModel):
    """Whether a claimed place agrees with the photo, by the errors of held-out photos."""

    latitude: Latitude
    longitude: Longitude
    verdict: Literal["consistent", "inconsistent", "undecidable"]
    p_value: float | None = None
    """Share of places, by their calibration photos as sure as this one, whose answer was at least
    as far off; none where it is undecidable."""
    distance_km: float | None = None
    """From the answer's coordinates."""
    reason: Line


class Calibration(BaseModel):
    """What made the radius and the confidence a promise, or why they are none."""

    fitted: bool
    photos: int = 0
    """How many it was fitted on."""
    places: int = 0
    """Of how many places they are: what the promise counts."""
    digest: str | None = None
    """SHA-256 of the data it was fitted on."""
    reason: Line | None = None
    """Why there is none, or why it no longer holds."""
    id: int | None = None
    """Of the calibration, among those that are kept."""
    difficulty: float | None = None
    """Log10 of the error in km that was predicted: what radii and p-values are looked up by."""
    notes: list[Line] = Field(default_factory=list)
    """What is promised, in words, and where a radius had to be the whole Earth."""
