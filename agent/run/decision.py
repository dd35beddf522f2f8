"""What a person may decide while a run waits, in the forms that people's tools send it.

One schema reads them all: our own, LangGraph's Agent Inbox (`HumanInterrupt`, `HumanResponse`), and
LangChain's human-in-the-loop middleware (`HITLRequest`, `HITLResponse`). LangGraph refuses what the
schema refuses before anything is saved, so the run still waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Annotated, Any, Literal, Self

from langgraph.types import StateSnapshot
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from geofix.agent.errors import (
    AlreadyDecided,
    GeofixError,
    OptionError,
    RegionError,
    TrailError,
)
from geofix.agent.regions import (
    HOW_TO_WRITE,
    parse_region,
    region_called,
    require_meeting,
)
from geofix.agent.state import GivenRegion, Region, State
from geofix.db.plain_text import one_line, require_name, short

Action = Literal["choose", "accept", "look", "hint", "go_on", "stop"]

NEEDS: dict[Action, str] = {"choose": "rank", "look": "region", "hint": "words"}
"""The field that an action needs; no other action may have it."""

A_PERSON, THE_CALLER = "a person", "the caller"
"""Who decides, where no name is given: whoever answers, and whoever updates the graph's state."""

LONGEST_HINT = 500
"""Characters."""

ACTIONS: dict[Action, str] = {
    "choose": "The candidate of this `rank` is right.",
    "accept": "The first candidate is right.",
    "look": "Search this `region` on its own merit; nothing found elsewhere counts any more.",
    "hint": "Draft again, with these `words` about the place.",
    "go_on": "Do what geofix proposes.",
    "stop": "There is to be no answer.",
}
"""What each action means, as the question says it."""


def _read_region(given: object) -> object:
    return parse_region(given) if isinstance(given, str) else given


def _hint(words: str) -> str:
    line = one_line(words)
    if not 0 < len(line) <= LONGEST_HINT:
        raise OptionError(
            f"the hint {short(words)} has {len(line)} characters; give 1 to {LONGEST_HINT}"
        )
    return line


class Decision(BaseModel):
    """What a person decided."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    action: Action
    """`choose` a candidate by its rank, `accept` the first, `look` inside a region, give a `hint`,
    `go_on` with what geofix proposes, or `stop` without an answer."""
    rank: int | None = None
    """With `choose`: rank of the candidate."""
    region: Annotated[
        Region | None,
        BeforeValidator(_read_region, json_schema_input_type=str | Region | None),
    ] = None
    """With `look`: `LAT,LON,KM`, `SOUTH,WEST,NORTH,EAST`, a country, or a `Region`."""
    words: str | None = None
    """With `hint`: what is known or believed of the place."""
    by: str | None = None
    """Name of who decides; the trail keeps it, and no model is told."""
    round: int | None = Field(default=None, ge=1)
    """The round that was decided about, as the question says; a run that has gone on since refuses
    the decision."""

    @model_validator(mode="before")
    @classmethod
    def _of_any_form(cls, given: Any) -> Any:
        return _plain(given)

    @field_validator("words")
    @classmethod
    def _bounded(cls, words: str | None) -> str | None:
        return None if words is None else _hint(words)

    @field_validator("by")
    @classmethod
    def _named(cls, by: str | None) -> str | None:
        return None if by is None else require_name(by, "the name", OptionError)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = NEEDS.get(self.action)
        for field in NEEDS.values():
            given = getattr(self, field)
            if field == needed and given is None:
                raise OptionError(f"the action {self.action!r} needs a {field}")
            if field != needed and given is not None:
                raise OptionError(
                    f"the action {self.action!r} takes no {field}, and {short(given)} was given"
                )
        return self

    @property
    def who(self) -> str:
        """Who decided."""
        return self.by or A_PERSON


Answer = Decision | Mapping[str, Any] | list[Any] | str
"""A decision in any form; a text is an action."""


def state_in(snapshot: StateSnapshot) -> State:
    """Return the state of a run; a host's graph may keep more in it."""
    known = State.model_fields.keys() & snapshot.values.keys()
    return State(**{name: snapshot.values[name] for name in known})


def decision_in(state: State, answer: Answer, *, reads_hints: bool, **more: Any) -> dict[str, Any]:
    """Return a decision about a round as plain JSON, to resume the run with.

    Args:
        state: After `verify`.
        answer: The decision.
        reads_hints: See `decision_about`.
        **more: Fields of `Decision` that are given apart; None is not given.

    Raises:
        GeofixError: It is no decision, or not one that the round offers.
    """
    given: Any = answer
    if isinstance(answer, Decision):
        given = answer.model_dump(mode="json", exclude_none=True)
    elif isinstance(answer, str):
        given = {"action": answer}
    apart = {name: value for name, value in more.items() if value is not None}
    try:
        given = _plain(given)
        if isinstance(given, Mapping):
            given = {**given, **apart}
        decision = decision_about(state, reads_hints=reads_hints).model_validate(given)
    except ValidationError as error:
        raise _refusal(error) from error
    return decision.model_dump(mode="json", exclude_none=True)


def _refusal(error: ValidationError) -> GeofixError:
    """Return the error of ours that a validator raised, or one of its text."""
    first = error.errors()[0]
    raised = first.get("ctx", {}).get("error")
    if isinstance(raised, GeofixError):
        return raised
    field = ".".join(map(str, first["loc"])) or "decision"
    return OptionError(
        f"the {field} of a decision cannot be {short(first.get('input'))}: {first['msg']}. The"
        f" actions are {', '.join(ACTIONS)}"
    )


def _plain(given: Any) -> Any:
    """Return a decision in our own form."""
    if isinstance(given, list):
        (given,) = _one_of(given, "answers")
        return _of_inbox(given)
    if isinstance(given, Mapping) and "decisions" in given:
        (only,) = _one_of(given["decisions"], "decisions")
        return _of_middleware(only)
    if not isinstance(given, Mapping) or "action" in given:
        return given
    if "rank" in given:
        # The form of before there were actions.
        if given["rank"] == 0:
            return {**{name: given[name] for name in given if name != "rank"}, "action": "stop"}
        return {**given, "action": "choose"}
    if "type" in given:
        return _of_inbox(given)
    return given


def _one_of(given: Any, what: str) -> list[Any]:
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], Mapping):
        raise OptionError(f"one decision was asked for; {short(given)} is not a list of one {what}")
    return given


def _of_inbox(response: Mapping[str, Any]) -> Any:
    """Read a `HumanResponse`: `type` and `args`."""
    kind, args = response.get("type"), response.get("args")
    if kind == "accept":
        return {"action": "accept"}
    if kind == "ignore":
        return {"action": "go_on"}
    if kind == "response":
        return {"action": "hint", "words": args}
    if kind == "edit" and isinstance(args, Mapping):
        # An `ActionRequest` has its arguments in `args`; ours may stand there themselves.
        return _of_form(args["args"] if isinstance(args.get("args"), Mapping) else args)
    raise OptionError(
        f"the response {short(dict(response))} has none of the types 'accept', 'ignore',"
        " 'response' and 'edit' with its arguments"
    )


def _of_middleware(decision: Mapping[str, Any]) -> Any:
    """Read one decision of a `HITLResponse`."""
    kind, action = decision.get("type"), decision.get("edited_action")
    if kind == "approve":
        return {"action": "accept"}
    if kind == "reject":
        return {"action": "stop"}
    if kind == "respond":
        return {"action": "hint", "words": decision.get("message")}
    if kind == "edit" and isinstance(action, Mapping) and isinstance(action.get("args"), Mapping):
        return _of_form(action["args"])
    raise OptionError(
        f"the decision {short(dict(decision))} has none of the types 'approve', 'reject',"
        " 'respond' and 'edit' with its arguments"
    )


def _of_form(args: Mapping[str, Any]) -> Any:
    """Read the arguments of the request as an edited form: blank fields are not given."""
    filled = {name: value for name, value in args.items() if value not in (None, "")}
    if filled.get("action", "choose") != "choose":
        # It was filled in before the person edited anything.
        filled.pop("rank", None)
    return _plain(filled)


def decision_about(state: State, *, reads_hints: bool) -> type[Decision]:
    """Return the schema of a decision about a round; it refuses what the round does not offer.

    Args:
        state: After `verify`.
        reads_hints: Whether there is a model, which can read any words.
    """
    ranks = [candidate.rank for candidate in state.candidates]

    def offered(rank: int | None) -> int | None:
        if rank is not None and rank not in ranks:
            raise no_candidate(rank, ranks)
        return rank

    def possible(action: Action) -> Action:
        if action in {"accept", "choose"} and not ranks:
            raise no_candidate(action, ranks)
        return action

    def inside(region: Region | None) -> Region | None:
        return region if region is None else require_meeting(region, state.within)

    def understood(words: str | None) -> str | None:
        if words is not None and not reads_hints:
            require_meeting(place_meant(_hint(words)), state.within)
        return words

    def still_asked(round_: int | None) -> int | None:
        if round_ is not None and round_ != state.round + 1:
            raise AlreadyDecided(
                f"the decision is about round {round_}, and the run waits in round"
                f" {state.round + 1}; somebody decided before. Look at the run again"
            )
        return round_

    checks: dict[str, Callable[[Any], Any]] = {
        "action": possible,
        "rank": offered,
        "region": inside,
        "words": understood,
        "round": still_asked,
    }
    fields: dict[str, Any] = {}
    for name, check in checks.items():
        field = copy(Decision.model_fields[name])
        field.json_schema_extra = {"enum": [*ranks, None]} if name == "rank" else None
        fields[name] = (Annotated[field.rebuild_annotation(), AfterValidator(check)], field)
    return create_model("Decision", __base__=Decision, **fields)


def no_candidate(asked: object, ranks: list[int]) -> TrailError:
    """Return the error of a choice that was not offered."""
    if not ranks:
        return TrailError(f"there is no candidate, so {asked!r} is not possible; look in a region")
    return TrailError(
        f"there is no candidate {asked!r}; choose {ranks[0]} to {ranks[-1]}, or 0 if none is right"
    )


def place_meant(words: str) -> Region:
    """Return the region that a hint means, where no model is there to read it.

    Raises:
        RegionError: It means none.
    """
    region = region_called(words)
    if region is None:
        raise RegionError(
            f"the hint {words!r} is no region and no name of a city, and without a model geofix"
            f" cannot read other words; name a city such as 'Lisbon', {HOW_TO_WRITE}, or set a"
            " model (GEOFIX_MODEL)"
        )
    return region


def steered(state: State, region: Region | None, by: str, round_: int) -> dict[str, Any]:
    """Return the changes of the state after which a region is searched on its own merit."""
    return {
        "round": round_,
        "region": region,
        "rival": None,
        "planned": region,
        "given": GivenRegion(region=region, round=round_, by=by),
        "steered": state.steered + 1,
    }
