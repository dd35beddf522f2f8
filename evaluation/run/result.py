"""What an evaluation asks about, and what came out for one photo."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from geofix.evaluation.metrics import WRONG_KM
from geofix.tools.encoders import Encoder
from geofix.tools.sources.picture_files import Picture

if TYPE_CHECKING:
    from geofix.agent.services import Services


Status = Literal["located", "abstained", "failed"]

COLUMNS = (
    *("photo", "status", "truth_latitude", "truth_longitude", "latitude", "longitude"),
    *("error_km", "seconds", "cost_usd", "confidence", "radii_km", "candidates", "retrievals"),
)
"""Fields with a column of their own; the others are kept together as `detail`."""


class Result(BaseModel):
    """One photo's truth, geofix's answer, and what peers would have said in the same run."""

    model_config = ConfigDict(frozen=True)

    photo: str
    status: Status
    """`failed` where the photo could not be asked about; counted as wrong."""
    truth_latitude: float | None = None
    truth_longitude: float | None = None
    accuracy_km: float = 0.0
    group: str | None = None
    sequence: str | None = None
    must_reject: str | None = None
    country_code: str | None = None
    """Country of the truth."""
    latitude: float | None = None
    longitude: float | None = None
    error_km: float | None = None
    """None where there is no answer, or no truth to tell it by."""
    first_km: float | None = None
    """Error of the first candidate, also where geofix abstained."""
    peers_km: dict[str, float | None] = Field(default_factory=dict)
    """`nearest`, `density`, `model` where one drafted; none where it named no place."""
    candidate_errors_km: list[float] = Field(default_factory=list)
    """Errors of the candidates by rank."""
    neighbour_errors_km: list[float] = Field(default_factory=list)
    """Errors of the first round's positives, most similar first."""
    radius_km: float | None = None
    radii_km: dict[str, float] = Field(default_factory=dict)
    confidence: dict[str, float] = Field(default_factory=dict)
    seconds: float
    """How long the caller waited."""
    node_ms: dict[str, float] = Field(default_factory=dict)
    cost_usd: float | None = 0.0
    """None where a price or a count is not known."""
    tokens: int = 0
    rounds: int = 0
    scene: str | None = None
    candidates: list[dict[str, Any]] = Field(default_factory=list)
    retrievals: list[dict[str, Any]] = Field(default_factory=list)
    drafts: list[dict[str, Any]] = Field(default_factory=list)
    excluded: dict[str, int] = Field(default_factory=dict)
    """Gallery photos that were left out as leaks, by kind."""
    abstained_for: str | None = None
    """The code of the abstention; none of answers, and in results of earlier versions."""
    reasons: list[str] = Field(default_factory=list)
    degraded: list[str] = Field(default_factory=list)
    run: str | None = None

    @property
    def has_truth(self) -> bool:
        """Whether there is a place to be right about."""
        return self.truth_latitude is not None

    @property
    def counted_km(self) -> float:
        """The error as accuracies count it: without an answer it is wrong."""
        return WRONG_KM if self.error_km is None else self.error_km

    @property
    def drawn_km(self) -> float:
        """The error as far as the truth can tell it: no less than the truth's accuracy."""
        return max(self.counted_km, self.accuracy_km)

    def columns(self) -> dict[str, Any]:
        """Return the result by column of `evaluation_results`."""
        whole = self.model_dump(mode="json")
        named = {name: whole.pop(name) for name in COLUMNS}
        return {**named, "detail": whole}

    @classmethod
    def of_columns(cls, row: Mapping[str, Any]) -> Result:
        """Return the result of a row that `columns` made."""
        return cls.model_validate({**row["detail"], **{name: row[name] for name in COLUMNS}})


def or_wrong(error_km: float | None) -> float:
    """Return an error, infinite where there is none, as accuracies count it."""
    return WRONG_KM if error_km is None else error_km


@dataclass(frozen=True, slots=True)
class EvalPhoto:
    """One photo and its truth. Only the picture's bytes are ever shown to geofix."""

    id: str
    """Its id in the set; never shown, since a file name may say the place."""
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
