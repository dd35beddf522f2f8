"""Query -> State -> Fix, and every type that is persisted in a checkpoint.

Renaming or moving a class is a migration: checkpoints hold its module and name. All is plain
JSON-able data: no numpy, no geometry objects, no pixels, no vectors.
"""

from __future__ import annotations

import operator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from geofix.agent.answer import Calibration, Claim, ClaimCheck, Evidence, Place
from geofix.agent.clues import ClueKind
from geofix.agent.coordinates import Corners, Latitude, Longitude
from geofix.agent.provenance import Provenance
from geofix.agent.scene_seen import SceneSeen
from geofix.agent.search_report import NegativesBy, SearchReport
from geofix.agent.spending import Spending
from geofix.agent.spot import Spot


class Region(BaseModel):
    """A part of the Earth: a circle, a box or a country, or what of a country lies in either."""

    model_config = ConfigDict(frozen=True)

    latitude: Latitude | None = None
    longitude: Longitude | None = None
    radius_km: float | None = Field(default=None, gt=0)
    box: Corners | None = None
    """South, west, north, east; a west greater than the east is across the antimeridian."""
    country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    name: str
    """As a person would call it."""


class Hit(BaseModel):
    """One gallery photo that a search found."""

    photo_id: int
    latitude: Latitude
    longitude: Longitude
    similarity: float
    """Cosine with the photo; centred unless the run asked for raw."""
    impostor_share: float | None = None
    """Share of gallery photos that resemble some far-away photo at least this much."""
    accuracy_km: float = 0.0
    """How far the truth may lie from the coordinates."""
    place: str | None = None
    country_code: str | None = None
    gallery: str
    source: str
    external_id: str
    author: str | None = None
    licence: str | None = None
    attribution: str | None = None


class Retrieval(BaseModel):
    """What one round's search found, and how."""

    round: int
    region: Region | None
    rival: Region | None = None
    """The runner-up's circle, searched as well."""
    positives: list[Hit]
    negatives: list[Hit]
    negatives_by: NegativesBy = "dissimilar"
    """Of which kind the negatives are."""
    searched: int
    """How many gallery photos the region holds; about, where it cuts through cells."""
    how: list[SearchReport] = Field(default_factory=list)
    temperature: float | None = None
    """Of the photos' votes; none where the gallery has no null distribution to take it from."""
    centring_version: int | None = None
    """Of the mean that was subtracted; none where vectors were compared raw."""
    impostor_distance_km: float | None = None
    """How far away a photo is an impostor, for `impostor_share`."""
    notes: list[str] = Field(default_factory=list)

    @property
    def impostor_share(self) -> float | None:
        """The best hit's; low means that the gallery knows something like the photo."""
        return self.positives[0].impostor_share if self.positives else None


class Clue(BaseModel):
    """Something seen in the photo that speaks for or against a place."""

    kind: ClueKind = "other"
    observation: str


class Draft(BaseModel):
    """One proposal of where the photo was taken."""

    round: int
    drafted_by: str
    """`consensus`, or `provider:model`."""
    latitude: Latitude | None
    """None where the drafter cannot tell."""
    longitude: Longitude | None
    confidence: float | None = Field(default=None, ge=0, le=1)
    """The drafter's own word; never more than one part of a candidate's score."""
    clues: list[Clue] = Field(default_factory=list)
    hypotheses: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    copied_from: str | None = None
    """What in the prompt has the same coordinates to the digit; such a draft is no witness."""
    provenance: Provenance | None = None


class Candidate(BaseModel):
    """One place the photo may have been taken at."""

    rank: int = 0
    latitude: Latitude
    longitude: Longitude
    radius_km: float
    """How far its evidence is spread."""
    score: float
    """0 to 1, comparable within one run only."""
    parts: dict[str, float]
    """The evidence: every feature by name (`geofix.agent.choice.features`)."""
    terms: dict[str, float] = Field(default_factory=dict)
    """What each feature added to the score before it was squashed: coefficient times value."""
    photos: int
    """How many positives speak for it."""
    independent: int = 0
    """How many of them were not taken side by side."""
    best_similarity: float | None
    origin: Literal["cluster", "draft", "cluster+draft", "claim"]
    scale_km: float
    """The scale at which its photos form one cluster."""
    vetoed: str | None = None
    """Why it may not be the answer, whatever its score."""
    held_back: str | None = None
    """Why it is not the first, whatever its score (`geofix.agent.choice.law_of_regions`)."""
    spots: list[Spot] = Field(default_factory=list)
    """Its corners, best first, where it lies at the first; none where it lies elsewhere."""
    place: str | None = None
    country_code: str | None = None
    distance_km: float = 0.0
    """From the first candidate."""


class Verdict(BaseModel):
    """What verify decided."""

    reasons: list[str]
    decision: Literal["accept", "refine", "review", "abstain"]
    by_person: bool = False
    """Whether a person chose; no calibration speaks for that."""


class Query(BaseModel):
    """What is asked: a photo, and where the answer may lie."""

    model_config = ConfigDict(extra="forbid")

    photo: str = Field(
        description="`sha256:<hex>` of a photo kept here, or a `data:image/...;base64,` URL"
    )
    within: Region | None = None
    claimed: tuple[Latitude, Longitude] | None = Field(
        default=None, description="Latitude and longitude where somebody says it was taken."
    )


class Fix(BaseModel):
    """The answer, or the reasons why there is none.

    Every field has a default, because LangGraph builds one from whatever is known when it streams
    values in the middle of a run.
    """

    status: Literal["located", "abstained", "waiting", "running"] = "running"
    """`waiting` for a person, where the run asks for one."""
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    radius_km: float | None = None
    radius_calibrated: bool = False
    """Whether the radius keeps a measured promise of coverage."""
    radii_km: dict[str, float] = Field(default_factory=dict)
    """Radius by coverage promised: `0.5`, `0.8`, `0.9`, `0.95`; empty where not calibrated."""
    confidence: dict[str, float] = Field(default_factory=dict)
    """Probability of being right by scale: street, city, region, country, continent."""
    calibration: Calibration | None = None
    place: Place | None = None
    drafted_by: str = ""
    """`consensus`, or `provider:model`."""
    candidates: list[Candidate] = Field(default_factory=list)
    reasons: list[str] = Field(default_factory=list)
    evidence: list[Evidence] = Field(default_factory=list)
    degraded: list[str] = Field(default_factory=list)
    """Every step that could not be done as asked, and why."""
    geojson: dict[str, Any] = Field(default_factory=dict)
    """RFC 7946: the radius and the point, then the candidates."""
    rounds: int = 0
    run: str | None = None
    """Id of the run and its trail; filled in by the facade."""
    photo: str | None = None
    """`sha256:<hex>` of the file as it came."""
    photo_notes: list[str] = Field(default_factory=list)
    """What was odd about the file: several frames, unreadable EXIF."""
    claim: Claim | None = None
    """What the file's EXIF says, spoofable; filled in by the facade after the graph has ended."""
    claim_check: ClaimCheck | None = None
    """Of the place the caller claimed, where one did."""


class State(Query):
    """All a run knows between two nodes."""

    round: int = 0
    sha256: str = ""
    encoder: str = ""
    scene: SceneSeen | None = None
    """What kind of scene the photo shows; none where the run does not ask."""
    region: Region | None = None
    """Where this round searches."""
    rival: Region | None = None
    """And where its runner-up lies, until it is beaten."""
    retrievals: Annotated[list[Retrieval], operator.add] = Field(default_factory=list)
    drafts: Annotated[list[Draft], operator.add] = Field(default_factory=list)
    candidates: list[Candidate] = Field(default_factory=list)
    calibration: Calibration | None = None
    """What verify decided of the calibration: whether it holds for this run, or why not."""
    verdict: Verdict | None = None
    degraded: list[str] = Field(default_factory=list)
    began_epoch_s: float = 0.0
    spent: Annotated[list[Spending], operator.add] = Field(default_factory=list)

    @property
    def retrieval(self) -> Retrieval:
        """The latest round's search."""
        return self.retrievals[-1]

    @property
    def looked_within(self) -> Region | None:
        """The circle of a finer round; none in the first, whatever region the question has."""
        return self.region if self.round > 0 else None
