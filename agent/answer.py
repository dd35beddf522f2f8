"""The parts of an answer, which checkpoints store, and the types of their coordinates.

Renaming or moving a class is a migration, as in `geofix.agent.state`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from geofix.db.plain_text import one_line

Latitude = Annotated[float, Field(ge=-90, le=90)]
"""Degrees; a value that is not on the Earth is refused."""

Longitude = Annotated[float, Field(ge=-180, le=180)]

Corners = tuple[Latitude, Longitude, Latitude, Longitude]
"""South, west, north, east in degrees; a west greater than the east crosses the antimeridian."""


def format_coordinates(latitude: float, longitude: float) -> str:
    """Return both coordinates as text, to a meter."""
    return f"{latitude:.5f}, {longitude:.5f}"


Line = Annotated[str, AfterValidator(one_line)]
"""One line of text for a person, with control and invisible characters escaped, since it may quote
a file, a gallery, a model or a server. Identifiers (`external_id`, `source`) are kept exactly."""


class Place(BaseModel):
    """The name of the place at the answer's coordinates."""

    name: str | None = None
    admin: str | None = None
    country: str | None = None
    country_code: str | None = None
    label: Line
    """The full name, such as `Paris, Ile-de-France, France`."""


class Evidence(BaseModel):
    """One gallery photo that supports the answer, with the credits its licence asks for."""

    latitude: Latitude
    longitude: Longitude
    similarity: float
    distance_km: float
    """Distance from the answer."""
    gallery: str
    source: str
    external_id: str
    licence: Line | None = None
    attribution: Line | None = None
    author: Line | None = None


class Claim(BaseModel):
    """Place, time and camera in a photo's EXIF. Never used for the answer."""

    latitude: float | None = None
    longitude: float | None = None
    altitude_m: float | None = None
    taken_at: Line | None = None
    camera: Line | None = None
    distance_km: float | None = None
    """Distance from the answer, if there is one."""


class ClaimCheck(BaseModel):
    """The check of a claimed place against the answer, by the errors of held-out photos."""

    latitude: Latitude
    longitude: Longitude
    verdict: Literal["consistent", "inconsistent", "undecidable"]
    p_value: float | None = None
    """Share of calibration places whose answers, at this difficulty, were at least as far off;
    none if the check is undecidable."""
    distance_km: float | None = None
    """Distance from the answer."""
    reason: Line


class Calibration(BaseModel):
    """The calibration of radius and confidence, or the reason why there is none."""

    fitted: bool
    photos: int = 0
    """Number of photos it was fitted on."""
    places: int = 0
    """Number of places of these photos; the promise counts places."""
    digest: str | None = None
    """SHA-256 of the data that it was fitted on."""
    reason: Line | None = None
    """Why there is no calibration, or why it does not apply."""
    id: int | None = None
    """Id of the stored calibration."""
    difficulty: float | None = None
    """Log10 of the predicted error in km; radii and p-values depend on it."""
    notes: list[Line] = Field(default_factory=list)
    """The promise in words, and every radius that had to be half the Earth's circumference."""
