"""The options of one run: JSON-able, bounded, described; and what a run may still spend and do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from geofix.agent.state import NegativesBy, PresetName, Routing, Spending
from geofix.db.plain_text import require_name
from geofix.tools.models.budget import Budget, Spent
from geofix.tools.models.reply import COUNTED
from geofix.tools.statistics import LEVELS, PLACE_KM

GONE = frozenset({"complete"})
"""Options of earlier versions, which kept runs still name: they have no effect any more."""


class Context(BaseModel):
    """Options of one run; they are recorded in its trail."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    positives: int = Field(
        default=16, ge=1, le=200, description="Similar gallery photos to retrieve (Img2Loc: 16)."
    )
    negatives: int = Field(
        default=16, ge=0, le=200, description="Dissimilar gallery photos to retrieve (Img2Loc: 16)."
    )
    negatives_by: NegativesBy = Field(
        default="dissimilar",
        description="Which photos the model is shown as negatives: 'dissimilar' in look (Img2Loc),"
        " 'far' for alike in look and far from the leading place, or 'none'.",
    )
    far_km: float = Field(
        default=200.0,
        gt=0,
        le=20_000,
        description="How far from the leading place the negatives of kind 'far' have to be.",
    )
    vectors: Literal["centred", "raw"] = Field(
        default="centred",
        description="Compare vectors with their common mean subtracted, or as the papers do.",
    )
    galleries: tuple[str, ...] = Field(
        default=(), description="Names of the galleries to search; none means all."
    )
    exact: bool = Field(
        default=False,
        description="Compare with every vector, whatever there is of indexes: slow, and misses"
        " nothing.",
    )
    preset: PresetName = Field(
        default="geofix",
        description="In whose words a model is asked: 'geofix' shows candidates with their places"
        " and asks for reasons; 'img2loc' (one call) and 'g3' (four lists, five answers each) show"
        " bare coordinates, as the papers do.",
    )
    route: Routing = Field(
        default="off",
        description="'retrieval' lets the sharpness of the search decide how many neighbours the"
        " model is shown (0, 5 or 10, after G3); not measured, hence off.",
    )
    samples: int | None = Field(
        default=None, ge=1, le=20, description="Answers to each request; the preset's otherwise."
    )
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="Of the model; the preset's otherwise, and where it has none the model's own.",
    )
    image_px: int | None = Field(
        default=None,
        ge=64,
        le=2048,
        description="Longer side of pictures as the model gets them; what suits its provider"
        " otherwise.",
    )
    exemplars: int = Field(
        default=0,
        ge=0,
        le=8,
        description="So many candidates are shown to the model with a picture from the gallery,"
        " which then leaves this machine as the photo does.",
    )
    geometry_pictures: int = Field(
        default=16,
        ge=0,
        le=64,
        description="So many pictures of the most similar photos are compared with the photo point"
        " by point, on this machine; 0 compares none.",
    )
    max_cost: float | None = Field(
        default=None, ge=0, description="US dollars the run may spend on its model."
    )
    max_tokens: int | None = Field(
        default=None, ge=0, description="Tokens it may spend on its model, input and output."
    )
    max_seconds: float | None = Field(
        default=None,
        ge=0,
        description="From the run's first step on, how long its model may be asked; then the run"
        " settles with what it has.",
    )
    max_rounds: int = Field(
        default=1,
        ge=1,
        le=6,
        description="Rounds of retrieval and drafting at most; more than one was worth nothing yet"
        " where it was measured (docs/evaluation.md).",
    )
    finest_km: float = Field(
        default=PLACE_KM,
        gt=0,
        le=2500,
        description="Take no closer look once a place is known to this many km.",
    )
    accept_margin: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="Lead in score the first candidate needs over the second to be accepted.",
    )
    impostor_share: float = Field(
        default=0.10,
        gt=0,
        le=1,
        description="Abstain where more than this share of gallery photos resemble some far-away"
        " photo as much as the best hit resembles this one.",
    )
    reject_scenes: bool = Field(
        default=True,
        description="Abstain where the photo shows no place: a room, food, a drawing, bare sky.",
    )
    ask_human: bool = Field(
        default=False, description="Stop for a person where two candidates stay close."
    )
    coverage: float = Field(
        default=0.9,
        description="Of `radius_km`, where it is calibrated: 0.5, 0.8, 0.9 or 0.95.",
        json_schema_extra={"enum": list(LEVELS)},
    )
    claim_level: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="How often a true claim may be called inconsistent, on average over"
        " calibrations.",
    )

    @field_validator("galleries")
    @classmethod
    def _with_names(cls, galleries: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what no gallery can be called."""
        for name in galleries:
            require_name(name, "the name", ValueError)
        return galleries

    @classmethod
    def kept(cls, options: Mapping[str, Any]) -> Self:
        """Read the options of a run that is kept, be it an earlier version's."""
        return cls(**{name: value for name, value in options.items() if name not in GONE})

    @field_validator("coverage")
    @classmethod
    def _of_a_level(cls, coverage: float) -> float:
        """Refuse a coverage no radius is stated at."""
        if coverage not in LEVELS:
            raise ValueError(f"a radius is stated at {', '.join(map(str, LEVELS))}")
        return coverage

    @field_validator("exemplars")
    @classmethod
    def _of_numbered_candidates(cls, exemplars: int, info: ValidationInfo) -> int:
        """Refuse pictures of candidates where the model is shown none."""
        preset = info.data.get("preset", "geofix")
        if exemplars and preset != "geofix":
            raise ValueError(f"the preset {preset!r} shows no candidates; leave one of both out")
        return exemplars


STEPS_A_ROUND = 4
"""retrieve, draft, verify, refine."""


def recursion_limit(context: Context) -> int:
    """Return how many steps a run can need; LangGraph's own limit of 10,007 guards no budget."""
    return STEPS_A_ROUND * context.max_rounds + STEPS_A_ROUND


def budget_of(context: Context, began_epoch_s: float, rounds: list[Spending]) -> Budget | None:
    """Return what is left for this round; none where nothing is limited.

    Args:
        context: With the limits.
        began_epoch_s: When the run began, seconds since 1970: what a run that was cut off waited
            counts.
        rounds: What earlier ones took.
    """
    if (context.max_cost, context.max_tokens, context.max_seconds) == (None, None, None):
        return None
    costs = [one.cost_usd for one in rounds if one.calls]
    before = Spent(
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        tokens=None if any(one.uncounted for one in rounds) else _tokens(rounds),
        seconds=max(0.0, time.time() - began_epoch_s),
    )
    return Budget(context.max_cost, context.max_tokens, context.max_seconds, before=before)


def _tokens(rounds: list[Spending]) -> int:
    return sum(one.tokens.get(kind, 0) for one in rounds for kind in COUNTED)
