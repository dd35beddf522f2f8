"""What is told of a run while it goes on.

The same objects come from `Agent.stream`, from the listener of `locate`, and from LangGraph's
custom stream. A step that runs again after a crash tells the same again, under the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from geofix.agent.answer import Latitude, Line, Longitude, Reason
from geofix.agent.fix import Fix, FixQuestion


class Event(BaseModel):
    """What all events have."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    run: str = ""
    """Id of the run."""
    sequence: int = 0
    """Grows from event to event of a run, also over a pause; numbers are left out."""
    time: datetime = Field(default_factory=lambda: datetime.now(UTC))
    """When it happened, in UTC."""


class Started(Event):
    """A question begins, or a fork of one."""

    kind: Literal["started"] = "started"
    thread: str
    """What the run is grouped by."""
    parent_run: str | None
    """The run that it was forked from."""


class StepStarted(Event):
    """A node begins."""

    kind: Literal["step_started"] = "step_started"
    node: str
    round: int
    """From 0."""


class StepDone(Event):
    """A node has ended."""

    kind: Literal["step_done"] = "step_done"
    node: str
    round: int
    """From 0."""
    summary: Line
    """One line for a person."""


class ToldPlace(BaseModel):
    """A place that an event names."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    latitude: Latitude
    longitude: Longitude
    label: Line | None = None
    """Name of the place."""
    similarity: float | None = None
    """Cosine similarity of its best photo."""
    score: float | None = None
    """0 to 1; comparable only within one run."""


class Retrieved(Event):
    """The gallery was searched."""

    kind: Literal["retrieved"] = "retrieved"
    round: int
    positives: int
    """Number of similar photos found."""
    searched: int
    """Number of photos searched."""
    places: list[ToldPlace]
    """Of the most similar photos, each place once."""


class Sending(Event):
    """A call to a model is about to be made; nothing has left yet."""

    kind: Literal["sending"] = "sending"
    host: str
    """Where it goes: name and port, or `in process`."""
    leaves: bool
    """Whether it leaves this machine."""
    pictures: int
    picture_bytes: int
    text_bytes: int


class Drafting(Event):
    """One draft of the position came."""

    kind: Literal["drafting"] = "drafting"
    drafted_by: str
    """`consensus`, or `provider:model`."""
    place: ToldPlace | None
    """None if the drafter cannot tell."""
    confidence: float | None
    """The drafter's own estimate."""
    tokens: int
    """Tokens that the answer took, input and output together."""


class Verified(Event):
    """The candidates of a round were weighed, and it was decided what to do."""

    kind: Literal["verified"] = "verified"
    round: int
    decision: Literal["accept", "refine", "review", "abstain"]
    places: list[ToldPlace]
    """The leading candidates, best first."""
    reasons: list[Reason]


class Refining(Event):
    """The next round looks closer."""

    kind: Literal["refining"] = "refining"
    round: int
    """The next, from 0."""
    regions: list[Line]
    """Where it looks."""


class Questioned(Event):
    """The run waits for a person."""

    kind: Literal["question"] = "question"
    question: FixQuestion | None
    """What is asked; it is `Fix.question` too. The interrupt has it in more forms."""


class Finished(Event):
    """The run has its answer."""

    kind: Literal["settled"] = "settled"
    fix: Fix
    """Without what the file's EXIF says."""


class Failed(Event):
    """A step failed; the run can be resumed."""

    kind: Literal["failed"] = "failed"
    node: str
    code: str
    """Of the error; `fault` where geofix did not expect it."""
    text: Line


AnyEvent = Annotated[
    Started
    | StepStarted
    | StepDone
    | Retrieved
    | Sending
    | Drafting
    | Verified
    | Refining
    | Questioned
    | Finished
    | Failed,
    Field(discriminator="kind"),
]

_ANY: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def read_event(document: str | bytes | Mapping[str, Any]) -> AnyEvent:
    """Return an event from JSON, or from what was parsed of it.

    Raises:
        ValueError: It is none.
    """
    if isinstance(document, str | bytes):
        return _ANY.validate_json(document)
    return _ANY.validate_python(dict(document))


MOST_OF_A_STEP = 1000
"""How many numbers each step has for its events."""

MOST_PLACES = 5
"""Places that an event names."""


class Teller:
    """Numbers the events of a step and hands them on; safe to use from several threads."""

    def __init__(self, write: Callable[[Any], None], run: str, step: int) -> None:
        """Begin with none.

        Args:
            write: Gets each event.
            run: Id of the run.
            step: Which step of the run, from 0.
        """
        self._write = write
        self._run = run
        self._next = step * MOST_OF_A_STEP
        self._lock = Lock()

    def tell(self, event: Event) -> None:
        """Hand an event on, with the run and its number."""
        with self._lock:
            update = {"run": self._run, "sequence": self._next, "time": datetime.now(UTC)}
            self._next += 1
            self._write(event.model_copy(update=update))


def ended_by_answer(told: Iterator[AnyEvent | Fix]) -> Iterator[AnyEvent]:
    """Yield events; the answer of a run that had ended before is one too."""
    last = None
    for one in told:
        if isinstance(one, Fix):
            if last is None:
                yield settled_before(one)
            return
        yield (last := one)


def settled_before(fix: Fix) -> AnyEvent:
    """Return the event of a run that does not go on: it has its answer, or waits for a person."""
    if fix.status == "waiting":
        return Questioned(run=fix.run, question=fix.question)
    return Finished(run=fix.run, fix=fix.without_exif())
