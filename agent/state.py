"""The state of a run, from `Query` to `Answered`, and every type that checkpoints store.

Renaming or moving a class is a migration, because checkpoints hold its module and name. All types
are plain data that JSON can hold: no numpy, no geometry objects, no pixels, no vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from langgraph.channels import EphemeralValue
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from geofix.agent.answer import (
    Calibration,
    Claim,
    ClaimCheck,
    Corners,
    Evidence,
    KnownPhoto,
    Latitude,
    Line,
    Longitude,
    Place,
    Reason,
    share_name,
)
from geofix.agent.context import Context
from geofix.agent.draft import NegativesBy
from geofix.agent.draft.provenance import AGREES_WITH, Clue, DraftsSaid, Provenance, Spending
from geofix.agent.fix import Fix, Usage
from geofix.agent.run.search_report import SearchReport
from geofix.db.plain_text import require_name
from geofix.tools.scene import SceneKind

REFERENCE = "sha256:"
"""How the reference of a stored photo begins."""


class Spot(BaseModel):
    """A spot within a place: photos within about 50 m of one of them."""

    latitude: Latitude
    longitude: Longitude
    score: float = 0.0
    """0 to 1; comparable only within its place."""
    parts: dict[str, float]
    """The evidence: every feature by name (`geofix.agent.verify.spots`)."""
    terms: dict[str, float] = {}
    """What each feature added to the score before the logistic function."""
    inliers: int
    """Local features of its best photo that match the photo; 0 if no photo was compared."""


class SceneSeen(BaseModel):
    """The kind of scene that the photo shows, with probabilities."""

    kind: SceneKind
    shares: dict[str, float]
    """Probability of each kind; they sum to 1."""
    flatness: float
    """Share of neighbouring pixels of the same color."""
    edges: float
    """Share of neighbouring pixels that differ clearly."""


class Region(BaseModel):
    """A circle, a box or a country, or the part of a country inside a circle or box."""

    model_config = ConfigDict(frozen=True)

    latitude: Latitude | None = None
    longitude: Longitude | None = None
    radius_km: float | None = Field(default=None, gt=0)
    box: Corners | None = None
    """South, west, north, east; a west greater than the east crosses the antimeridian."""
    country_code: str | None = None
    """ISO 3166-1 alpha-2."""
    name: Annotated[str, AfterValidator(lambda name: require_name(name, "the name", ValueError))]
    """Name of the region for people."""


class Hit(BaseModel):
    """One gallery photo that a search found."""

    photo_id: int
    latitude: Latitude
    longitude: Longitude
    similarity: float
    """Cosine similarity to the photo, of centred vectors unless the run asked for raw."""
    impostor_share: float | None = None
    """Share of gallery photos that match some far-away photo at least this well."""
    accuracy_km: float = 0.0
    """How far the true position can be from the coordinates."""
    place: Line | None = None
    country_code: str | None = None
    gallery: str
    source: str
    external_id: str
    author: Line | None = None
    licence: Line | None = None
    attribution: Line | None = None


class Retrieval(BaseModel):
    """What the search of one round found, and how."""

    round: int
    region: Region | None
    rival: Region | None = None
    """The circle around the runner-up, which was searched too."""
    positives: list[Hit]
    negatives: list[Hit]
    negatives_by: NegativesBy = "dissimilar"
    """The kind of the negatives."""
    searched: int
    """Number of gallery photos in the region; an estimate if it cuts through grid cells."""
    how: list[SearchReport] = Field(default_factory=list)
    temperature: float | None = None
    """Temperature of the photos' votes; none if the gallery has no null distribution."""
    centring_version: int | None = None
    """Version of the mean that was subtracted; none if vectors were compared raw."""
    impostor_distance_km: float | None = None
    """Distance from which on a photo counts as far away in `impostor_share`."""
    notes: list[Line] = Field(default_factory=list)
    left_out: dict[str, list[int]] = Field(default_factory=dict)
    """Ids of matching photos that were left out, by reason: an evaluation leaves out leaks."""

    @property
    def impostor_share(self) -> float | None:
        """That of the best hit; a low share means that the gallery has a real match."""
        return self.positives[0].impostor_share if self.positives else None


class Draft(BaseModel):
    """One proposal of where the photo was taken."""

    round: int
    drafted_by: str
    """`consensus`, or `provider:model`."""
    latitude: Latitude | None
    """None if the drafter cannot tell."""
    longitude: Longitude | None
    confidence: float | None = Field(default=None, ge=0, le=1)
    """The drafter's own estimate; it is at most one part of a candidate's score."""
    clues: list[Clue] = Field(default_factory=list)
    hypotheses: list[Line] = Field(default_factory=list)
    notes: list[Line] = Field(default_factory=list)
    # Earlier versions stored it as `copied_from`.
    agrees_with: Line | None = Field(default=None, validation_alias=AGREES_WITH)
    """The item of the prompt that it names, or whose digits it repeats: weak evidence for it."""
    provenance: Provenance | None = None


class Candidate(BaseModel):
    """One place where the photo may have been taken."""

    rank: int = 0
    latitude: Latitude
    longitude: Longitude
    radius_km: float
    """How far its photos are spread."""
    score: float
    """0 to 1; comparable only within one run."""
    parts: dict[str, float]
    """The evidence: every feature by name (`geofix.agent.verify.evidence`)."""
    terms: dict[str, float] = Field(default_factory=dict)
    """What each feature added to the score before the logistic function."""
    photos: int
    """Number of similar photos that support it."""
    independent: int = 0
    """Number of these photos that were not taken side by side."""
    best_similarity: float | None
    origin: Literal["cluster", "draft", "cluster+draft", "claim"]
    scale_km: float
    """Scale at which its photos form one cluster."""
    vetoed: Reason | None = None
    """Why it cannot be the answer, whatever its score."""
    held_back: Reason | None = None
    """Why it is not ranked first, whatever its score (`geofix.agent.verify.rules`)."""
    spots: list[Spot] = Field(default_factory=list)
    """Its spots, best first; empty if its position is not that of a spot."""
    place: Line | None = None
    country_code: str | None = None
    distance_km: float = 0.0
    """Distance from the first candidate."""

    def share_within(self, scale_km: float) -> float:
        """Return the share of all votes within a scale of its best photo, 0 to 1."""
        return self.parts.get(share_name(scale_km), 0.0)


class Verdict(BaseModel):
    """What the node `verify` decided, or in `review` a person."""

    reasons: list[Reason]
    decision: Literal["accept", "refine", "review", "abstain", "look", "hint"]
    by_person: bool = False
    """Whether a person chose the answer; no calibration covers that."""


class GivenRegion(BaseModel):
    """A region that somebody gave during the run; what was found before does not count."""

    region: Region | None
    """None for everywhere that the question allows."""
    round: int
    """The round that searched it first."""
    by: Line
    """A name, `a person`, or `the caller` of the graph."""


class Hint(BaseModel):
    """What a person said about the place, for the model."""

    words: Line
    round: int
    """The round that drafted with it first."""
    by: Line


class Query(BaseModel):
    """A question: a photo, and the region that the answer must lie in.

    Its fields are inputs of the graph: `embed` reads them, and no later step sees them. So a
    question inherits nothing from the one before on its thread.
    """

    model_config = ConfigDict(extra="forbid")

    photo: Annotated[
        str,
        Field(description="`sha256:<hex>` of a stored photo, or a `data:image/...;base64,` URL"),
        EphemeralValue,
    ]
    within: Annotated[Region | None, EphemeralValue] = None
    claimed: Annotated[
        tuple[Latitude, Longitude] | None,
        Field(description="Claimed latitude and longitude, to be checked."),
        EphemeralValue,
    ] = None
    run: Annotated[
        str | None,
        Field(description="Id of the run; made up if none is given."),
        EphemeralValue,
    ] = None
    thread: Annotated[
        str | None,
        Field(description="What the run is grouped by; LangGraph's thread if none is given."),
        EphemeralValue,
    ] = None


class Asked(BaseModel):
    """What a run was asked, and which run it is; nothing but a fork changes it."""

    run: str = ""
    """Its id; empty in a run of an earlier version."""
    thread: str = ""
    parent_run: str | None = None
    """The run that this one was forked from."""
    forked_at: str | None = None
    """LangGraph's id of the checkpoint at which it was forked."""
    photo: str = ""
    """`sha256:<hex>` of the original file."""
    within: Region | None = None
    claimed: tuple[Latitude, Longitude] | None = None
    context: Context = Context()

    @field_validator("context", mode="before")
    @classmethod
    def _of_any_version(cls, context: object) -> object:
        """Read options from a checkpoint, which can be of an earlier version."""
        return Context.kept(context) if isinstance(context, Mapping) else context


class Settled(BaseModel):
    """The whole answer with its evidence, or the reasons why there is none."""

    status: Literal["located", "abstained", "waiting", "running"] = "running"
    """`waiting` means that a person has to choose."""
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    radius_km: float | None = None
    radius_calibrated: bool = False
    """Whether the radius has a calibrated coverage."""
    radii_km: dict[str, float] = Field(default_factory=dict)
    """Radius by coverage: `0.5`, `0.8`, `0.9`, `0.95`; empty if not calibrated."""
    confidence: dict[str, float] = Field(default_factory=dict)
    """Probability that the answer is right, by scale: street, city, region, country, continent."""
    calibration: Calibration | None = None
    place: Place | None = None
    drafted_by: str = ""
    """`consensus`, or `provider:model`."""
    candidates: list[Candidate] = Field(default_factory=list)
    reasons: list[Reason] = Field(default_factory=list)
    evidence: list[Evidence] = Field(default_factory=list)
    said: DraftsSaid = DraftsSaid()
    degraded: list[Reason] = Field(default_factory=list)
    """What could not be done as asked, and why."""
    rounds: int = 0
    run: str | None = None
    """Id of the run and its trail; filled in by the facade."""
    photo: str | None = None
    """`sha256:<hex>` of the original file."""
    photo_notes: list[Line] = Field(default_factory=list)
    """What was unusual about the file, such as several frames or unreadable EXIF."""
    claim: Claim | None = None
    """What the file's EXIF says, which can be forged; filled in after the graph has ended."""
    claim_check: ClaimCheck | None = None
    """Check of the place that the caller claimed; none without a claim."""
    known_photos: list[KnownPhoto] = Field(default_factory=list)
    usage: Usage | None = None
    """What the run took; none in runs of earlier versions."""


class State(BaseModel):
    """Everything a run knows between two nodes."""

    asked: Asked = Field(default_factory=Asked)
    step: int = 0
    """Number of steps that the run has done."""
    round: int = 0
    encoder: str = ""
    scene: SceneSeen | None = None
    """The kind of scene; none if the run does not check it."""
    region: Region | None = None
    """Where this round searches. A caller of the graph may change it by `update_state`."""
    planned: Region | Literal["unknown"] | None = "unknown"
    """Where geofix chose to search; `unknown` in a run of an earlier version."""
    given: GivenRegion | None = None
    hints: list[Hint] = Field(default_factory=list)
    steered: int = 0
    """Number of rounds that began with what somebody gave; `max_rounds` does not count them."""
    rival: Region | None = None
    """Circle around the runner-up, which is searched too until the runner-up is beaten."""
    retrievals: list[Retrieval] = Field(default_factory=list)
    """One a round."""
    drafts: list[Draft] = Field(default_factory=list)
    candidates: list[Candidate] = Field(default_factory=list)
    calibration: Calibration | None = None
    """Whether the calibration applies to this run, and if not, why."""
    verdict: Verdict | None = None
    degraded: list[Reason] = Field(default_factory=list)
    began_epoch_s: float = 0.0
    spent: list[Spending] = Field(default_factory=list)
    """What the model's calls cost, one a round with calls."""
    fix: Fix | None = None
    """The answer; none before `settle`."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the photo's original file, in hex."""
        return self.asked.photo.removeprefix(REFERENCE)

    @property
    def within(self) -> Region | None:
        """Where the answer has to lie, as the question says."""
        return self.asked.within

    @property
    def retrieval(self) -> Retrieval:
        """The search of the latest round."""
        return self.retrievals[-1]

    @property
    def given_by_caller(self) -> bool:
        """Whether the region is not the one that geofix chose: somebody updated the state."""
        return self.planned not in ("unknown", self.region)

    @property
    def searches(self) -> list[Retrieval]:
        """The searches that count: since a region was given, or all."""
        since = 0 if self.given is None else self.given.round
        return [retrieval for retrieval in self.retrievals if retrieval.round >= since]

    @property
    def narrowed(self) -> bool:
        """Whether the latest search is a finer one, inside another that counts."""
        return len(self.searches) > 1

    @property
    def bounds(self) -> tuple[Region, ...]:
        """The regions that the answer has to lie in: the question's, and the one given since."""
        return tuple(one for one in (self.within, self.given and self.given.region) if one)

    @property
    def looked_within(self) -> Region | None:
        """The circle of a finer round, or the region given; none in an ordinary first round."""
        given = None if self.given is None else self.given.region
        return self.region if self.narrowed else given


class Answered(BaseModel):
    """What the graph gives back: the answer, or none while the run is not finished."""

    fix: Fix | None = None
