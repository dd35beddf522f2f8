"""The options of one run, and what a run may still spend."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from geofix.agent.draft import NegativesBy, PresetName, Routing
from geofix.agent.errors import OptionError
from geofix.agent.methods import AnswerBy, MethodName
from geofix.agent.methods.table import METHODS
from geofix.agent.run import Pause
from geofix.agent.run.option_table import OPTIONS, Vectors
from geofix.db.plain_text import require_name, short
from geofix.tools.models import tokens_in_all
from geofix.tools.statistics import LEVELS

if TYPE_CHECKING:
    from geofix.agent.draft.provenance import Spending
    from geofix.tools.models.budget import Budget

GONE = frozenset({"complete", "ask_human"})
"""Options of earlier versions that stored runs still have. `ask_human` is `pause` now; the others
have no effect any more."""


def option(name: str, **more: Any) -> Any:
    """Return the field of an option, with default, bounds and words of the table."""
    row = OPTIONS[name]
    bounds = {"ge": row.low, "le": row.high, "gt": row.above}
    more |= {bound: value for bound, value in bounds.items() if value is not None}
    if row.kind == "number":
        # JSON has none, so a run that was asked with one would not be the run that is stored.
        more["allow_inf_nan"] = False
    return Field(default=row.default, description=row.help, **more)


ASIDE = frozenset(
    {
        "galleries",
        "exact",
        "max_cost",
        "max_tokens",
        "max_seconds",
        "pause",
        "best_guess",
        "coverage",
        "claim_level",
        "every_candidate",
    }
)
"""Options that do not shape an answer: they change where is searched, what is said, or what may be
spent. A calibration need not share them."""


class Context(BaseModel):
    """Options of one run; the trail records them. Their words are in `agent/run/option_table.py`.

    What is not given is as the method has it (`agent/methods/table.py`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: MethodName = option("method")
    answer_by: AnswerBy = option("answer_by")
    photos_compared: int = option("photos_compared")
    positives: int = option("positives")
    negatives: int = option("negatives")
    negatives_by: NegativesBy = option("negatives_by")
    far_km: float = option("far_km")
    negatives_apart_km: float = option("negatives_apart_km")
    negatives_vectors: Vectors | None = option("negatives_vectors")
    vectors: Vectors = option("vectors")
    galleries: tuple[str, ...] = option("galleries")
    exact: bool = option("exact")
    preset: PresetName = option("preset")
    route: Routing = option("route")
    samples: int | None = option("samples")
    temperature: float | None = option("temperature")
    image_px: int | None = option("image_px")
    exemplars: int = option("exemplars")
    geometry_pictures: int = option("geometry_pictures")
    max_cost: float | None = option("max_cost")
    max_tokens: int | None = option("max_tokens")
    max_seconds: float | None = option("max_seconds")
    max_rounds: int = option("max_rounds")
    finest_km: float = option("finest_km")
    accept_margin: float = option("accept_margin")
    accept_score: float = option("accept_score")
    best_guess: bool = option("best_guess")
    impostor_share: float = option("impostor_share")
    reject_scenes: bool = option("reject_scenes")
    pause: Pause = option("pause")
    coverage: float = option("coverage", json_schema_extra={"enum": list(LEVELS)})
    every_candidate: bool = option("every_candidate")
    claim_level: float = option("claim_level")

    @model_validator(mode="before")
    @classmethod
    def _as_the_method_does(cls, given: Any) -> Any:
        """Let the method say what was not given."""
        if not isinstance(given, Mapping):
            return given
        name = given.get("method", "geofix")
        # Not looked up: what is no word, such as a list, is refused with the fields.
        method = next((one for known, one in METHODS.items() if known == name), None)
        return given if method is None else {**method.options, **given}

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

    @model_validator(mode="after")
    def _of_one_piece(self) -> Self:
        """Refuse options that cannot go together."""
        if self.exemplars and self.preset != "geofix":
            raise ValueError(
                f"the preset {self.preset!r} shows no candidates, so it cannot show photos of"
                " them; use another preset or no exemplars"
            )
        if self.answer_by == "model" and self.preset == "none":
            raise ValueError(
                "the answer cannot be the model's with the preset 'none', which asks no model; use"
                " another preset, or another answer_by"
            )
        if self.answer_by != "verdict" and self.max_rounds > 1:
            raise ValueError(
                f"answer_by={self.answer_by!r} answers after one round, so max_rounds cannot be"
                f" {self.max_rounds!r}; only the verdict looks closer"
            )
        return self

    def told(self) -> str:
        """Return the method and what was changed of it: `img2loc, positives=5`.

        What only changes how an answer is told, or what may be spent, is left out.
        """
        as_it_is = type(self)(method=self.method)
        changed = [
            f"{name}={_written(getattr(self, name))}"
            for name in type(self).model_fields
            if name not in ASIDE and getattr(self, name) != getattr(as_it_is, name)
        ]
        return ", ".join([self.method, *changed])


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


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
        name, why = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            told = f"there is no option {name!r}; the options are {', '.join(Context.model_fields)}"
        elif name:
            told = f"the option {name!r} cannot be {short(first.get('input'))}: {why}"
        else:
            told = f"these options do not go together: {why}"
        raise OptionError(told) from error


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
