"""The options of one run, and what a run may still spend."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from geofix.agent.draft import NegativesBy, PresetName, Routing
from geofix.agent.errors import OptionError
from geofix.agent.run import Pause
from geofix.db.plain_text import require_name, short
from geofix.tools.models import tokens_in_all
from geofix.tools.statistics import LEVELS, PLACE_KM

if TYPE_CHECKING:
    from geofix.agent.draft.provenance import Spending
    from geofix.tools.models.budget import Budget

GONE = frozenset({"complete", "ask_human"})
"""Options of earlier versions that stored runs still have. `ask_human` is `pause` now; the others
have no effect any more."""


class Context(BaseModel):
    """Options of one run; the trail records them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    positives: int = Field(
        default=16,
        ge=1,
        le=200,
        description="Number of similar gallery photos to retrieve (16 as in Img2Loc).",
    )
    negatives: int = Field(
        default=16,
        ge=0,
        le=200,
        description="Number of dissimilar gallery photos to retrieve (16 as in Img2Loc).",
    )
    negatives_by: NegativesBy = Field(
        default="dissimilar",
        description="Which counter-examples the model is shown. 'dissimilar': photos that look"
        " different, as in Img2Loc. 'far': photos that look similar but were taken"
        " far from the leading place. 'none': no counter-examples.",
    )
    far_km: float = Field(
        default=200.0,
        gt=0,
        le=20_000,
        description="Minimum distance of 'far' counter-examples from the leading place, in km.",
    )
    negatives_apart_km: float = Field(
        default=PLACE_KM,
        ge=0,
        le=20_000,
        description="Minimum distance of counter-examples from every place of the similar photos,"
        " in km. 0 takes them wherever they are, as the papers do.",
    )
    negatives_vectors: Literal["centred", "raw"] | None = Field(
        default=None,
        description="How vectors are compared to find counter-examples: 'centred' or 'raw'."
        " Default: as `vectors`.",
    )
    vectors: Literal["centred", "raw"] = Field(
        default="centred",
        description="'centred' subtracts the mean of all vectors before comparing; 'raw' compares"
        " them as they are, as the papers do.",
    )
    galleries: tuple[str, ...] = Field(
        default=(),
        description="Names of the galleries to search; an empty list means all galleries.",
    )
    exact: bool = Field(
        default=False,
        description="Compare with every vector instead of using the index. Slower, and misses"
        " nothing.",
    )
    preset: PresetName = Field(
        default="geofix",
        description="Which prompt the model gets. 'geofix' shows candidates with place names"
        " and asks for reasons. 'img2loc' (one call) and 'g3' (four calls, five"
        " answers each) show only coordinates, as in the papers.",
    )
    route: Routing = Field(
        default="off",
        description="'retrieval' shows the model 0, 5 or 10 neighbours, depending on how clear"
        " the search result is, as in G3. 'off' shows them all. The benefit is not"
        " measured yet.",
    )
    samples: int | None = Field(
        default=None,
        ge=1,
        le=20,
        description="Number of answers to each request. Default: the preset's.",
    )
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="Sampling temperature of the model. Default: the preset's, or the model's own"
        " if the preset has none.",
    )
    image_px: int | None = Field(
        default=None,
        ge=64,
        le=2048,
        description="Longer side in pixels of the images that the model gets. Default: what"
        " suits the provider.",
    )
    exemplars: int = Field(
        default=0,
        ge=0,
        le=8,
        description="Number of candidates that are shown to the model with a gallery photo."
        " These photos are sent to wherever the model runs.",
    )
    geometry_pictures: int = Field(
        default=16,
        ge=0,
        le=64,
        description="Number of the most similar gallery photos that are matched with the photo"
        " point by point, on this machine; 0 matches none.",
    )
    max_cost: float | None = Field(
        default=None, ge=0, description="Maximum cost of the model in this run, in US dollars."
    )
    max_tokens: int | None = Field(
        default=None,
        ge=0,
        description="Maximum number of model tokens in this run, input and output together.",
    )
    max_seconds: float | None = Field(
        default=None,
        ge=0,
        description="Time in seconds from the start of the run after which the model is asked"
        " no more. The run then answers with what it has.",
    )
    max_rounds: int = Field(
        default=1,
        ge=1,
        le=6,
        description="Maximum number of rounds of search and draft. More than one has not"
        " improved answers where it was measured (docs/evaluation.md).",
    )
    finest_km: float = Field(
        default=PLACE_KM,
        gt=0,
        le=2500,
        description="Stop narrowing the search when a place is known to this many km.",
    )
    accept_margin: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="Minimum lead in score of the first candidate over the second for it to be"
        " accepted.",
    )
    impostor_share: float = Field(
        default=0.10,
        gt=0,
        le=1,
        description="Abstain if more than this share of gallery photos have a far-away photo"
        " that matches them as well as the best hit matches this photo.",
    )
    reject_scenes: bool = Field(
        default=True,
        description="Abstain if the photo seems to show no place, such as a room, food, a drawing"
        " or blank sky.",
    )
    pause: Pause = Field(
        default="never",
        description="When a run pauses for a person to decide. 'unsure': where it would abstain"
        " only because two candidates score nearly the same, or no place has half of"
        " the votes. 'every_round': after every round. 'never': it does not pause.",
    )
    coverage: float = Field(
        default=0.9,
        description="Coverage of a calibrated `radius_km`: 0.5, 0.8, 0.9 or 0.95.",
        json_schema_extra={"enum": list(LEVELS)},
    )
    every_candidate: bool = Field(
        default=False,
        description="List every candidate in the answer, also small ones and those after the tenth;"
        " the answer is then as long as it has to be.",
    )
    claim_level: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="Maximum share of true claims that are called inconsistent, on average over"
        " calibrations.",
    )

    @field_validator("galleries")
    @classmethod
    def _with_names(cls, galleries: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse names that no gallery can have."""
        for name in galleries:
            require_name(name, "the name", ValueError)
        return galleries

    @classmethod
    def kept(cls, options: Mapping[str, Any]) -> Self:
        """Read the options of a stored run, which can be of an earlier version."""
        today = {name: value for name, value in options.items() if name not in GONE}
        if options.get("ask_human"):
            today.setdefault("pause", "unsure")
        return cls(**today)

    @field_validator("coverage")
    @classmethod
    def _of_a_level(cls, coverage: float) -> float:
        """Refuse a coverage for which there is no radius."""
        if coverage not in LEVELS:
            raise ValueError(f"a radius can be stated at {', '.join(map(str, LEVELS))}")
        return coverage

    @field_validator("exemplars")
    @classmethod
    def _of_numbered_candidates(cls, exemplars: int, info: ValidationInfo) -> int:
        """Refuse photos of candidates if the model is shown no candidates."""
        preset = info.data.get("preset", "geofix")
        if exemplars and preset != "geofix":
            raise ValueError(
                f"the preset {preset!r} shows no candidates, so it cannot show photos of"
                " them; use another preset or no exemplars"
            )
        return exemplars


OURS = "geofix"
"""The entry of a caller's own context that holds our options."""


def context_from(given: object) -> Context:
    """Return our options from the context of whoever runs the graph.

    A graph of the caller hands its own context down to ours: a mapping is searched for our options
    by name or under `geofix`, another object for an attribute `geofix`; what is not ours is passed
    over.

    Raises:
        OptionError: One of our options has a value it cannot have.
    """
    if given is None or isinstance(given, Context):
        return given or Context()
    if not isinstance(given, Mapping):
        return context_from(getattr(given, OURS, None))
    if OURS in given:
        return context_from(given[OURS])
    return checked_context({name: given[name] for name in Context.model_fields if name in given})


def checked_context(options: Mapping[str, Any]) -> Context:
    """Return options as a context.

    Raises:
        OptionError: There is no such option, or it cannot have this value.
    """
    try:
        return Context(**options)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise OptionError(
            f"the option {name!r} cannot be {short(first.get('input'))}: {first['msg']}. The"
            f" options are {', '.join(Context.model_fields)}"
        ) from error


STEPS_A_ROUND = 4
"""retrieve, draft, verify, refine."""


def recursion_limit(context: Context) -> int:
    """Return the maximum number of steps of a run; LangGraph's own limit of 10,007 is too high."""
    return STEPS_A_ROUND * context.max_rounds + STEPS_A_ROUND


def budget_of(context: Context, began_epoch_s: float, rounds: list[Spending]) -> Budget | None:
    """Return the budget left for this round; none if nothing is limited.

    Args:
        context: With the limits.
        began_epoch_s: When the run began, seconds since 1970: what a run that was cut off waited
            counts.
        rounds: What earlier ones took.
    """
    if (context.max_cost, context.max_tokens, context.max_seconds) == (None, None, None):
        return None
    # With the models' modules, which few runs need.
    from geofix.tools.models.budget import Budget, Spent  # noqa: PLC0415

    costs = [one.cost_usd for one in rounds if one.calls]
    before = Spent(
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        tokens=None
        if any(one.uncounted for one in rounds)
        else sum(tokens_in_all(one.tokens) for one in rounds),
        seconds=max(0.0, time.time() - began_epoch_s),
    )
    return Budget(context.max_cost, context.max_tokens, context.max_seconds, before=before)
