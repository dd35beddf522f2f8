"""The parts of an answer, which checkpoints store, and the types of their coordinates.

Renaming or moving a class is a migration, as in `geofix.agent.state`.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from geofix.db.plain_text import one_line
from geofix.tools.geo.distance import EARTH_RADIUS_KM

Latitude = Annotated[float, Field(ge=-90, le=90)]
"""Degrees; a value that is not on the Earth is refused."""

Longitude = Annotated[float, Field(ge=-180, le=180)]

Corners = tuple[Latitude, Longitude, Latitude, Longitude]
"""South, west, north, east in degrees; a west greater than the east crosses the antimeridian."""


MOST_DECIMALS = 5
"""Decimals of a degree as text: a meter."""


def format_coordinates(latitude: float, longitude: float, *, radius_km: float = 0.0) -> str:
    """Return both coordinates as text, to a tenth of the radius or a little coarser or finer.

    Args:
        latitude: Degrees.
        longitude: Degrees.
        radius_km: How far the true place can be; without one the text is exact to a meter.
    """
    decimals = MOST_DECIMALS
    if radius_km > 0:
        needed = math.ceil(math.log10(math.radians(EARTH_RADIUS_KM) / (radius_km / 10)))
        decimals = min(max(needed, 0), MOST_DECIMALS)
    # Adding zero makes -0.0 plain.
    north, east = (round(value, decimals) + 0.0 for value in (latitude, longitude))
    return f"{north:.{decimals}f}, {east:.{decimals}f}"


def share_name(scale_km: float) -> str:
    """Return what the share of all votes within a scale is called in `Candidate.parts`."""
    return f"share_{scale_km:g}_km"


Line = Annotated[str, AfterValidator(one_line)]
"""One line of text for a person, with control and invisible characters escaped, since it may quote
a file, a gallery, a model or a server. Identifiers (`external_id`, `source`) are kept exactly."""


Use = Literal["abstention", "reason", "exclusion", "warning"]
"""Where a code can stand: why there is no answer, what speaks for or against it, why a candidate
cannot be it, or what was not done as asked."""


class Code(StrEnum):
    """What a `Reason` says, for programs. Codes are never renamed; later versions may add some."""

    use: Use
    meaning: str

    def __new__(cls, value: str, use: Use, meaning: str) -> Self:
        """Make one of the codes below."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.use = use
        code.meaning = meaning
        return code

    # fmt: off
    NO_PHOTO_FOUND = (
        "no_photo_found", "abstention",
        "The galleries searched hold no photo where the answer may lie.",
    )
    UNLIKE_GALLERY = (
        "unlike_gallery", "abstention",
        "The best photo of the first place matches no better than unrelated photos do.",
    )
    NO_PLACE_SHOWN = (
        "no_place_shown", "abstention",
        "The photo shows a room, food, a drawing, blank sky or the like.",
    )
    AMBIGUOUS = (
        "ambiguous", "abstention",
        "The first place is not ahead of another one, more than 25 km away.",
    )
    NO_MAJORITY = (
        "no_majority", "abstention",
        "The photos around the first place have less than half of the votes.",
    )
    LOW_SCORE = (
        "low_score", "abstention",
        "The first place's score is lower than was asked for.",
    )
    DRAFT_ONLY = (
        "draft_only", "abstention",
        "A model names the first place, and no gallery photo supports it.",
    )
    REGION_EXCLUDED = (
        "region_excluded", "abstention",
        "Every candidate lies outside the region asked for.",
    )
    ALL_EXCLUDED = (
        "all_excluded", "abstention",
        "Every candidate was excluded, and why.",
    )
    GALLERY_TOO_SMALL = (
        "gallery_too_small", "abstention",
        "The gallery has too few photos to tell a real match from a chance one.",
    )
    NOTHING_TO_CHOOSE = (
        "nothing_to_choose", "abstention",
        "The method has nothing to choose from: no coordinates by the model, or no photo found.",
    )
    PERSON_CHOSE_NONE = (
        "person_chose_none", "abstention",
        "A person was asked, and said that no candidate is right, or stopped the run.",
    )
    PERSON_CHOSE = (
        "person_chose", "reason",
        "A person was asked, and chose this place.",
    )
    REGION_GIVEN = (
        "region_given", "reason",
        "A person or the caller gave the region to search; only what was found there counts.",
    )
    HINT_GIVEN = (
        "hint_given", "reason",
        "A person gave a hint, which the model was told.",
    )
    BY_METHOD = (
        "by_method", "reason",
        "A published method chose the answer, and how; geofix checked nothing.",
    )
    VOTES = (
        "votes", "reason",
        "How many of the similar photos were taken there, and their share of the votes.",
    )
    RARITY = (
        "rarity", "reason",
        "Which photo matches best, how similar it is, and how many unrelated photos match as well.",
    )
    POINTS_MATCH = (
        "points_match", "reason",
        "Points of the photo match points of a picture taken there.",
    )
    DRAFT_AGREES = (
        "draft_agrees", "reason",
        "A model names the same place.",
    )
    DRAFTS_AGREE = (
        "drafts_agree", "reason",
        "Drafts agree with a place that the model was shown, or repeat it: weak evidence for it.",
    )
    DRAFTS_COPIED = (
        "drafts_copied", "reason",
        "Said by earlier versions: drafts that repeat coordinates they were shown did not count.",
    )
    LEFT_OUT = (
        "left_out", "reason",
        "A candidate was excluded, and why.",
    )
    VOTES_SCATTERED = (
        "votes_scattered", "reason",
        "Too few photos, not taken side by side, or too few of the votes are for the first place.",
    )
    VOTES_EXPECTED = (
        "votes_expected", "reason",
        "The photos agree on a place where most of the gallery's photos are anyway.",
    )
    SEARCH_NOTE = (
        "search_note", "reason",
        "How the search differed from what was asked.",
    )
    CLOSER_SEARCH = (
        "closer_search", "reason",
        "A closer search may narrow the place down.",
    )
    CLOSER_SEARCH_FAILED = (
        "closer_search_failed", "reason",
        "A closer search did not narrow the place down.",
    )
    NOT_FINISHED = (
        "not_finished", "reason",
        "The run was cut off before it decided.",
    )
    IN_SEA = (
        "in_sea", "exclusion",
        "A model's draft lies in the sea, and no photo supports it.",
    )
    NO_PHOTO_NEAR = (
        "no_photo_near", "exclusion",
        "No similar photo was taken in the region of a model's draft.",
    )
    OUTSIDE_REGION = (
        "outside_region", "exclusion",
        "It lies outside the region asked for.",
    )
    CLAIM_ONLY = (
        "claim_only", "exclusion",
        "Only the claim that is to be checked names this place.",
    )
    ONE_KIND_OF_EVIDENCE = (
        "one_kind_of_evidence", "exclusion",
        "It lies in another region than most votes, and fewer than two kinds of evidence favor it.",
    )
    BEST_GUESS = (
        "best_guess", "warning",
        "The answer is a guess that was asked for: geofix would have abstained, as undecided.",
    )
    NOT_CALIBRATED = (
        "not_calibrated", "warning",
        "No calibration holds for this run: the radius is a reach, and no probability is stated.",
    )
    WHOLE_EARTH = (
        "whole_earth", "warning",
        "A calibrated radius is half the Earth's circumference: calibration photos as hard as this"
        " one were too few, or wrong too often.",
    )
    PROMISE = (
        "promise", "warning",
        "What a calibrated radius promises, and what it does not.",
    )
    BUDGET_SPENT = (
        "budget_spent", "warning",
        "The limit of cost, tokens or seconds was reached, so the model was not asked further.",
    )
    MODEL_FAILED = (
        "model_failed", "warning",
        "The model gave no usable answer, or fewer than asked for.",
    )
    MODEL_LIMITED = (
        "model_limited", "warning",
        "The model was asked without something that it or its server does not support.",
    )
    PICTURE_NOT_SHOWN = (
        "picture_not_shown", "warning",
        "The picture of a candidate could not be shown to the model.",
    )
    PICTURES_NOT_COMPARED = (
        "pictures_not_compared", "warning",
        "Pictures of gallery photos could not be matched with the photo point by point.",
    )
    RARITY_UNKNOWN = (
        "rarity_unknown", "warning",
        "It is not known how many unrelated photos match as well as the best one.",
    )
    SCORERS_PASSED_OVER = (
        "scorers_passed_over", "warning",
        "The calibration's own scorers did not choose, because the calibration does not hold.",
    )
    METHOD_DIFFERS = (
        "method_differs", "warning",
        "The run differs from the paper whose method it follows, and in what.",
    )
    NEGATIVES_CONTRADICT = (
        "negatives_contradict", "warning",
        "Counter-examples were taken where similar photos were taken, and speak against it.",
    )
    PHOTO_NOTE = (
        "photo_note", "warning",
        "Something is unusual about the file, such as several frames or unreadable EXIF.",
    )
    OTHER = (
        "other", "warning",
        "Said by a version of geofix that had no codes.",
    )
    # fmt: on


AnyCode = Annotated[
    str,
    WithJsonSchema({"anyOf": [{"enum": [str(code) for code in Code]}, {"type": "string"}]}),
]
"""One of `Code`, or a code of a later version."""


class Reason(BaseModel):
    """One thing that is said of an answer: a code for programs, and the text for people."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    code: AnyCode
    """What it says. Later versions may add codes; treat an unknown one by its text alone."""
    text: Line
    """The same for people, with the names and numbers of this run."""

    @classmethod
    def of(cls, code: Code, text: str) -> Self:
        """Return a reason; `code` is checked where it is written, unlike in stored ones."""
        return cls(code=code.value, text=text)

    @model_validator(mode="before")
    @classmethod
    def _without_code(cls, value: Any) -> Any:
        """Read what earlier versions stored: the text alone."""
        return {"code": Code.OTHER.value, "text": value} if isinstance(value, str) else value

    def __str__(self) -> str:
        """Return the text."""
        return self.text


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


class KnownPhoto(BaseModel):
    """A gallery photo that is the photo asked about, which is never used, or a copy of it."""

    kind: Literal["exact", "near_copy"]
    latitude: Latitude
    longitude: Longitude
    gallery: str
    source: str
    external_id: str
    similarity: float | None = None
    """Of a near copy; the file itself is not compared."""


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
    notes: list[Reason] = Field(default_factory=list)
    """The promise in words, and every radius that had to be half the Earth's circumference."""
