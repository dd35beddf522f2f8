"""Query -> State -> Fix, and every type that is persisted in a checkpoint.

Renaming or moving a class is a migration: checkpoints hold its module and name. All is plain
JSON-able data: no numpy, no geometry objects, no pixels, no vectors.
"""

from __future__ import annotations

import operator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from geofix.agent.answer import (
    Calibration,
    Claim,
    ClaimCheck,
    Corners,
    Evidence,
    Latitude,
    Line,
    Longitude,
    Place,
)
from geofix.db.plain_text import require_name
from geofix.tools.scene import SceneKind


class Spot(BaseModel):
    """A corner of a place: photos within about 50 m of one of them."""

    latitude: Latitude
    longitude: Longitude
    score: float = 0.0
    """0 to 1, comparable within its place only."""
    parts: dict[str, float]
    """The evidence: every feature by name (`geofix.agent.verify.spots`)."""
    terms: dict[str, float] = {}
    """What each feature added to the score before it was squashed."""
    inliers: int
    """Local features that its best photo shares with the photo; 0 where none was compared."""


PresetName = Literal["geofix", "g3", "img2loc"]
"""Whose prompts are used."""

Routing = Literal["off", "retrieval"]
"""What decides how many neighbours a model is shown."""


class Provenance(BaseModel):
    """How one draft of a model came about."""

    preset: PresetName
    """In whose words the model was asked."""
    prompt_version: str
    neighbours: int
    """How many similar photos it was shown."""
    sample: int
    """Which of several answers to one question, from 1 on."""
    model: str | None = None
    """As the server names it, which may be another than was asked for."""
    revision: str | None = None
    """Of the model or its build, where it is known."""
    tokens: dict[str, int] = Field(default_factory=dict)
    """Spent on this answer; nothing for one out of the cache."""
    seconds: float | None = None
    """From the question to this answer."""
    cost_usd: float | None = None
    """Where prices are known."""


class Spending(BaseModel):
    """What one round's questions to the model took."""

    calls: int = 0
    tokens: dict[str, int] = Field(default_factory=dict)
    """`input_tokens`, `output_tokens`, as the server counts them."""
    cost_usd: float | None = 0.0
    """None where a price or a count is not known."""
    uncounted: int = 0
    """Calls that were answered without a usable count of their tokens."""


class SceneSeen(BaseModel):
    """What the photo shows, and by how much."""

    kind: SceneKind
    shares: dict[str, float]
    """Probability by kind; together 1."""
    flatness: float
    """Share of neighbouring pixels of the same color."""
    edges: float
    """Share of neighbouring pixels that differ clearly."""


NegativesBy = Literal["dissimilar", "far", "none"]


class SearchReport(BaseModel):
    """One search."""

    kind: Literal["positives", "negatives"]
    server: str = "here"
    """`here`: the database's own; runs of before may name others."""
    way: Literal["exact", "index"]
    """`exact` compared the photo with every vector the search covers."""
    rows: int
    """How many vectors that are, by the counts per cell; about, in a region."""
    ef_search: int | None = None
    """How many candidates the index kept in view."""
    index: str | None = None
    unindexed: bool = False
    """Whether photos that came after the index were compared one by one."""
    note: str | None = None
    """Why it went otherwise than planned."""
    asked: int = 0
    """How many photos were asked for; 0 in runs of before it was kept, as in the four below."""
    found: int = 0
    """How many came back."""
    twins: int = 0
    """Left out, of those closer than the last found: pictures that were found already."""
    own: int = 0
    """Left out likewise: the photo that asks."""
    removed: int = 0
    """Left out likewise: vectors whose photo is not there (any more)."""


ClueKind = Literal[
    "text", "landmark", "building", "road", "vehicle", "vegetation", "terrain", "sun", "people",
    "other",
]  # fmt: skip


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
    name: Annotated[str, AfterValidator(lambda name: require_name(name, "the name", ValueError))]
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
    place: Line | None = None
    country_code: str | None = None
    gallery: str
    source: str
    external_id: str
    author: Line | None = None
    licence: Line | None = None
    attribution: Line | None = None


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
    notes: list[Line] = Field(default_factory=list)

    left_out: dict[str, list[int]] = Field(default_factory=dict)
    """Ids of photos that match and were left out, by the reason: an evaluation leaves out leaks."""

    @property
    def impostor_share(self) -> float | None:
        """The best hit's; low means that the gallery knows something like the photo."""
        return self.positives[0].impostor_share if self.positives else None


class Clue(BaseModel):
    """Something seen in the photo that speaks for or against a place."""

    kind: ClueKind = "other"
    observation: Line


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
    hypotheses: list[Line] = Field(default_factory=list)
    notes: list[Line] = Field(default_factory=list)
    copied_from: Line | None = None
    """What in the prompt has the same coordinates to the digit; such a draft is no witness."""
    provenance: Provenance | None = None


def share_name(scale_km: float) -> str:
    """Return what the share of all votes within a scale is called in `Candidate.parts`."""
    return f"share_{scale_km:g}_km"


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
    """The evidence: every feature by name (`geofix.agent.verify.evidence`)."""
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
    vetoed: Line | None = None
    """Why it may not be the answer, whatever its score."""
    held_back: Line | None = None
    """Why it is not the first, whatever its score (`geofix.agent.verify.rules`)."""
    spots: list[Spot] = Field(default_factory=list)
    """Its corners, best first, where it lies at the first; none where it lies elsewhere."""
    place: Line | None = None
    country_code: str | None = None
    distance_km: float = 0.0
    """From the first candidate."""

    def share_within(self, scale_km: float) -> float:
        """Return the share of all votes within a scale of its best photo, 0 to 1."""
        return self.parts.get(share_name(scale_km), 0.0)


class Verdict(BaseModel):
    """What verify decided."""

    reasons: list[Line]
    decision: Literal["accept", "refine", "review", "abstain"]
    by_person: bool = False
    """Whether a person chose; no calibration speaks for that."""


class Query(BaseModel):
    """What is asked: a photo, and where the answer may lie."""

    model_config = ConfigDict(extra="forbid")

    photo: str = Field(
        description="`sha256:<hex>` of a stored photo, or a `data:image/...;base64,` URL"
    )
    within: Region | None = None
    claimed: tuple[Latitude, Longitude] | None = Field(
        default=None, description="Claimed latitude and longitude, to be checked."
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
    reasons: list[Line] = Field(default_factory=list)
    evidence: list[Evidence] = Field(default_factory=list)
    degraded: list[Line] = Field(default_factory=list)
    """Every step that could not be done as asked, and why."""
    geojson: dict[str, Any] = Field(default_factory=dict)
    """RFC 7946: the radius and the point, then the candidates."""
    rounds: int = 0
    run: str | None = None
    """Id of the run and its trail; filled in by the facade."""
    photo: str | None = None
    """`sha256:<hex>` of the file as it came."""
    photo_notes: list[Line] = Field(default_factory=list)
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
    degraded: list[Line] = Field(default_factory=list)
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
