"""What an evaluation asks about: photos with their truth, and sets of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from geofix.tools.encoders import Encoder
from geofix.tools.sources.pictures import Picture

if TYPE_CHECKING:
    from geofix.agent.services import Services


@dataclass(frozen=True, slots=True)
class EvalPhoto:
    """One photo and its truth. Only the picture's bytes are ever shown to geofix."""

    id: str
    """In its set; never shown, a file name may say the place."""
    picture: Picture
    latitude: float | None
    """None where it shows no place, and an answer would be wrong."""
    longitude: float | None
    accuracy_km: float = 0.0
    """How far the truth may lie from the coordinates."""
    group: str | None = None
    """The place, or whatever else is split as a whole."""
    sequence: str | None = None
    author: str | None = None
    must_reject: str | None = None
    """What it shows instead of a place (`food`, `drawing`); abstaining is then right."""

    @property
    def truth(self) -> tuple[float, float] | None:
        """Latitude and longitude, where it shows a place."""
        if self.latitude is None or self.longitude is None or self.must_reject is not None:
            return None
        return self.latitude, self.longitude


class Dataset(Protocol):
    """A set of photos with their truth."""

    @property
    def name(self) -> str:
        """What results are kept under."""

    @property
    def photos(self) -> Sequence[EvalPhoto]:
        """The photos, in an order that stays the same."""

    @property
    def left_out(self) -> Sequence[str]:
        """Rows that could not be used, with the reason."""

    @property
    def encoder(self) -> Encoder | None:
        """Brought along where photos are no pictures of anything (simulated worlds)."""

    @property
    def galleries(self) -> tuple[str, ...]:
        """The only galleries to ask; none means whatever the run asks."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Fields of `Context` that the set needs otherwise than by default."""

    def prepare(self, services: Services) -> None:
        """Load what the set needs into the database, unless it is there."""


def digest_of(photos: Sequence[EvalPhoto]) -> str:
    """Return the SHA-256 of ids and truths, whatever their order; pictures are not read."""
    lines = sorted(
        f"{photo.id}\t{photo.latitude!r}\t{photo.longitude!r}\t{photo.accuracy_km!r}"
        f"\t{photo.group}\t{photo.sequence}\t{photo.author}\t{photo.must_reject}"
        for photo in photos
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
