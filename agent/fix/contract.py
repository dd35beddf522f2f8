"""The contract `geofix.fix/1`: what Python, the command line, HTTP and MCP answer with.

Within version 1 fields, codes and kinds may be added. None is removed, renamed or given another
type or meaning; that makes `geofix.fix/2`. So a client has to ignore fields it does not know and
take an unknown code or kind by its text. `Fix.read` does both. A field that is added has a default,
so that documents from before it can still be read. `tests/data/fix-1.json` is the frozen schema
that a test compares with.

`docs/answer.md` is made of the texts below.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, WithJsonSchema

from geofix.agent.answer import Latitude, Longitude, Reason
from geofix.agent.fix.drafted import FixClue, FixHypothesis, FixPicture
from geofix.agent.fix.forms import geojson, text
from geofix.agent.fix.parts import FixKnownPhoto, Meters, Part, Share

SCHEMA: Literal["geofix.fix/1"] = "geofix.fix/1"
"""Name and version of the contract."""


class Radius(Part):
    """A radius and how often it holds the true place."""

    coverage: Share
    """Share of photos from new places whose true place lies within the radius, at least, on average
    over calibrations."""
    radius_m: Meters
    """Meters, rounded up."""


class Position(Part):
    """Where the photo was taken."""

    latitude: Latitude
    """Degrees with five decimals, which is a meter."""
    longitude: Longitude
    """Degrees with five decimals."""
    radius_m: Meters
    """Meters, rounded up. What it means depends on `radius_kind`."""
    radius_kind: Literal["calibrated", "reach"]
    """`calibrated`: the true place lies within `radius_m` as often as `coverage` says. `reach`: how
    far the photos that support the answer are spread; the true place can lie outside, and nobody
    knows how often."""
    coverage: Share | None
    """Of `radius_m`. null for a reach."""
    radii: list[Radius]
    """The radius at every calibrated coverage, from small to large. Empty for a reach."""


class FixPlace(Part):
    """The name of the place at the position."""

    label: str
    """The full name, such as `Paris, Île-de-France, France`. It is no finer than the radius: over
    25 km only the region's, over 200 km the country's, over 750 km the continent's."""
    name: str | None
    """Of the nearest town. null where the radius is over 25 km."""
    admin: str | None
    """State, province or the like. null where the radius is over 200 km."""
    country: str | None
    """Its English name. null where the radius is over 750 km."""
    country_code: str | None
    """ISO 3166-1 alpha-2. null where the radius is over 750 km."""


class Confidence(Part):
    """The probability that the position is right to within a distance."""

    scale: str
    """`street`, `city`, `region`, `country` or `continent`."""
    within_km: float
    """The distance that the scale stands for: 1, 25, 200, 750 or 2500 km."""
    probability: Share
    """Calibrated probability that the true place lies within this distance."""


class FixCandidate(Part):
    """One place where the photo may have been taken."""

    id: str
    """`c` and the rank. Unique within the run."""
    rank: int
    """From 1; the first is the answer, if there is one."""
    latitude: Latitude
    """Degrees with five decimals."""
    longitude: Longitude
    """Degrees with five decimals."""
    label: str | None
    """Name of the place. null if it has none."""
    probability: Share | None
    """Calibrated probability that the photo was taken within 25 km of here. null where no
    calibration gives one; today only the answer can have one."""
    score: Share
    """Not a probability. Comparable only within one run."""
    photos: int
    """Number of similar gallery photos that were taken there."""
    distance_m: Meters
    """Meters from the first candidate."""
    excluded: Reason | None
    """Why it cannot be the answer, whatever its score. null if it can."""


EvidenceKind = Annotated[
    str, WithJsonSchema({"anyOf": [{"enum": ["gallery_photo"]}, {"type": "string"}]})
]


class FixEvidence(Part):
    """Something that speaks for a place or against it, with the credits its licence asks for."""

    id: str
    """`e` and a number. Unique within the run."""
    kind: EvidenceKind
    """`gallery_photo`: a similar photo whose place is known. Later versions may add kinds."""
    gallery: str
    """Name of the gallery that has the photo."""
    source: str
    """Where the gallery has the photo from."""
    photo: str
    """Id of the photo at its source."""
    latitude: Latitude
    """Degrees with five decimals."""
    longitude: Longitude
    """Degrees with five decimals."""
    similarity: float
    """Cosine similarity to the photo asked about."""
    distance_m: Meters
    """Meters from the position, or from the first candidate while the run waits."""
    supports: list[str]
    """Ids of the candidates within 25 km of it."""
    contradicts: list[str] = Field(default_factory=list)
    """Id of the answer, where a person chose it or it is a guess, and this photo lies beyond its
    radius, or over 25 km away from an answer that no gallery photo supports."""
    licence: str | None
    """null if the gallery names none."""
    attribution: str | None
    """The credit line, or the author if there is none."""


class FileClaim(Part):
    """What the file's EXIF says. It can be forged, and was not used for the answer."""

    latitude: float | None
    """Degrees."""
    longitude: float | None
    """Degrees."""
    altitude_m: float | None
    """Meters above sea level."""
    taken_at: str | None
    """Date and time as the file writes them."""
    camera: str | None
    """Make and model."""
    distance_m: Meters | None
    """Meters from the position. null without either."""


class CheckedClaim(Part):
    """Whether the place that the caller claims is consistent with the photo."""

    latitude: Latitude
    """Of the claimed place, in degrees."""
    longitude: Longitude
    """Of the claimed place, in degrees."""
    verdict: Literal["consistent", "inconsistent", "undecidable"]
    """`undecidable` where no calibration holds, where there is no position, or where nearly any
    claim would agree."""
    p_value: Share | None
    """Share of calibration places whose answers were at least as far off. null if undecidable."""
    distance_m: Meters | None
    """Meters from the position. null without one."""
    text: str
    """Why, for people."""


class FixClaim(Part):
    """Claims about the place, reported apart from the answer."""

    exif: FileClaim | None
    """null if the file says nothing. It must not reach a model or a third party; see
    `Fix.without_exif`."""
    checked: CheckedClaim | None
    """null if nobody asked for a check."""


class FixMethod(Part):
    """How the answer was made."""

    name: str = "geofix"
    """Whose method was followed, with what was changed of it, such as `img2loc, positives=5`
    (docs/methods.md)."""

    drafted_by: str
    """`consensus` where the similar photos voted, or the model as `provider:model`."""
    rounds: int
    """Number of rounds of search."""
    calibration: str | None
    """SHA-256 of the data that radius and probabilities were calibrated on. null if no calibration
    holds for this run."""
    calibration_places: int | None
    """Number of places in that data."""


class Proposal(Part):
    """What geofix does if it is told to go on."""

    action: Literal["accept", "refine", "abstain"]
    """Accept the first candidate, look closer, or give no answer."""
    reasons: list[str]
    """Why, for people."""
    regions: list[str]
    """Names of where it looks closer. Empty unless it refines."""


class FixQuestion(Part):
    """What a person is asked. The answer is a `geofix.Decision`."""

    question: str
    """For people."""
    proposes: Proposal
    """What `go_on` does."""
    round: int
    """The round that is decided about, from 1. A decision may carry it; a late one is refused."""
    ranks: list[int]
    """Ranks of the candidates that can be chosen; also of those that are not listed."""
    actions: dict[str, str]
    """The actions of a decision, and what each means."""

    @classmethod
    def of(cls, interrupt: Any) -> Self | None:
        """Return the question of an interrupt; none if a version before asked it."""
        if not isinstance(interrupt, Mapping) or "proposes" not in interrupt:
            return None
        most = len(interrupt["candidates"]) + interrupt["candidates_not_listed"]
        same = {name: interrupt[name] for name in ("question", "round", "actions")}
        proposes = Proposal(**{"regions": [], **interrupt["proposes"]})
        return cls(**same, proposes=proposes, ranks=list(range(1, most + 1)))


class Usage(Part):
    """What the run took."""

    calls: int
    """Number of model calls."""
    tokens: int
    """Input and output together, as the servers count them."""
    cost_usd: float | None
    """US dollars. null if a price is not known."""
    seconds: float
    """Time that the steps took. Waiting for a person does not count."""


class Fix(Part):
    """The answer to one photo: where it was taken and why, or why there is no answer.

    Every field is always present. Distances end in `_m` (meters) or `_km` (kilometers). The JSON
    text of an answer has fewer than 10,000 bytes, about 2,000 as a rule, unless every candidate was
    asked for.
    """

    schema_: Literal["geofix.fix/1"] = Field(alias="schema")
    """Name and version of this contract."""
    run: str
    """Id of the run. It names the answer, its trail and its explanation."""
    thread: str
    """What runs are grouped by, such as a case. The same question asked again on its thread is the
    same run."""
    parent_run: str | None
    """Id of the run that this one was forked from. null if it was not."""
    photo: str
    """`sha256:` and the hash of the file."""
    status: Literal["located", "abstained", "waiting", "running"]
    """`located`: there is a position. `abstained`: there is none, and `abstention` says why.
    `waiting`: a person has to decide. `running`: the run was cut off before it
    decided."""
    position: Position | None
    """null unless located."""
    place: FixPlace | None
    """null unless located, where no place is near, as at sea, and where the radius is over 2,500
    km."""
    confidence: list[Confidence]
    """From the finest scale to the coarsest. Empty where no calibration holds."""
    abstention: Reason | None
    """Why there is no position. null unless abstained."""
    question: FixQuestion | None
    """What a person is asked. null unless waiting."""
    candidates: list[FixCandidate]
    """Places the photo may be of, best first. Those with a probability (or score, where there is no
    probability) under 0.02 are left out, and so are all after the tenth. The answer is always
    listed."""
    candidates_not_listed: int
    """Number of candidates left out of the list."""
    evidence: list[FixEvidence]
    """Most similar first. While the run waits, of the leading candidates. Empty where it is neither
    located nor waiting."""
    reasons: list[Reason]
    """What speaks for the answer or against one, the most important first."""
    warnings: list[Reason]
    """What was not done as asked, or limits what the answer means."""
    claim: FixClaim | None
    """null if neither the file nor the caller claims a place."""
    known_photos: list[FixKnownPhoto] = Field(default_factory=list)
    """Gallery photos that are this very photo, or look like copies of it. The same file first."""
    method: FixMethod
    """Who proposed the answer, and what it was calibrated on."""
    usage: Usage
    """Model calls, tokens, money and time."""
    clues: list[FixClue] = Field(default_factory=list)
    """What models saw in the photo, by their own word. Empty without a model, and in answers of
    versions before."""
    hypotheses: list[FixHypothesis] = Field(default_factory=list)
    """The places that models weighed, by their own word."""
    pictures_shown: list[FixPicture] = Field(default_factory=list)
    """Gallery photos that models were shown beside the photo."""

    @classmethod
    def read(cls, document: str | bytes | Mapping[str, Any]) -> Self:
        """Read an answer, also one of a later version 1: fields that it added are dropped.

        Args:
            document: JSON, or what was parsed from it.

        Raises:
            ValueError: It is no answer of version 1.
        """
        data = json.loads(document) if isinstance(document, str | bytes) else document
        return cls.model_validate(data, extra="ignore")

    @property
    def located(self) -> bool:
        """Whether there is a position."""
        return self.position is not None

    @property
    def latitude(self) -> float | None:
        """Degrees; none without a position."""
        return None if self.position is None else self.position.latitude

    @property
    def longitude(self) -> float | None:
        """Degrees; none without a position."""
        return None if self.position is None else self.position.longitude

    @property
    def radius_km(self) -> float | None:
        """`position.radius_m` in kilometers; see `position.radius_kind` for what it means."""
        return None if self.position is None else self.position.radius_m / 1000

    def without_exif(self) -> Self:
        """Return the answer without what the file's EXIF says, to give to a model or a third party.

        The check of a claim is left out with it if the claimed place is that of the EXIF.
        """
        if self.claim is None or self.claim.exif is None:
            return self
        exif, checked = self.claim.exif, self.claim.checked
        if checked is not None and (checked.latitude, checked.longitude) == (
            exif.latitude,
            exif.longitude,
        ):
            checked = None
        claim = None if checked is None else FixClaim(exif=None, checked=checked)
        return self.model_copy(update={"claim": claim})

    def to_text(self) -> str:
        """Return the answer in about 400 characters, for a chat or a model.

        It has nothing of the file's EXIF, no text from a gallery, and not the name of a person who
        decided. It says where the photo itself is known.
        """
        return text(self)

    def to_geojson(self) -> dict[str, Any]:
        """Return a FeatureCollection (RFC 7946).

        It holds the radius as a polygon and the position as a point, both only if there is one,
        then the other candidates, the evidence, and where the photo itself is known.
        """
        return geojson(self)
