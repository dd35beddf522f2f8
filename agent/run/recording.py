"""Wraps nodes for LangGraph: times them, writes their steps into the trail, informs listeners.

The loop's default executor has 6 threads on two cores. The host's own `to_thread`, the look-up of
host names and LangGraph's savers run there too, so questions that wait for a model, or for an
encoder to be loaded, must not fill it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

from langchain_core.utils.uuid import uuid7
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.runtime import ExecutionInfo, Runtime

from geofix.agent.answer import Reason
from geofix.agent.calibration.claims import ClaimAsked
from geofix.agent.context import Context, context_from
from geofix.agent.errors import DatabaseError, GeofixError
from geofix.agent.fix import FixQuestion
from geofix.agent.run.events import (
    Event,
    Failed,
    Questioned,
    Sending,
    Started,
    StepDone,
    StepStarted,
    Teller,
)
from geofix.agent.run.outgoing import Outgoing, collected
from geofix.agent.services import Services
from geofix.agent.state import REFERENCE, Asked, Query, Region, Settled, State
from geofix.db.plain_text import one_line
from geofix.db.runs import RunOrigin, Step, StepOutcome
from geofix.tools.models.privacy import Outbound


@dataclass(frozen=True, slots=True)
class Outcome:
    """A node's result; `recorded` writes it into the trail."""

    update: dict[str, Any]
    """The part of the state that changes."""
    summary: str
    """One line for a person."""
    detail: dict[str, Any] = field(default_factory=dict)
    """What an auditor needs to follow the step, as JSON."""
    degraded: tuple[Reason, ...] = ()
    """What could not be done as asked, and why."""
    settled: Settled | None = None
    """The whole answer, from the node that gives it."""
    told: tuple[Event, ...] = ()
    """What listeners hear of it."""


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

MOST_STEPS = 32
"""Maximum of steps that run at once in the process; most of them wait for a chat model."""

_THREADS = ThreadPoolExecutor(MOST_STEPS, thread_name_prefix="geofix")


async def in_thread(
    work: Callable[Arguments, Result], *args: Arguments.args, **named: Arguments.kwargs
) -> Result:
    """Call `work` in one of geofix's threads with this task's context, and return its result."""
    call = partial(copy_context().run, work, *args, **named)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, call)


FIRST_NODE = "embed"
"""The node that every run begins with."""

FAULT = "fault"
"""Code of an error that geofix did not expect."""

Node = Callable[[State, Context, Services], Outcome]


class GraphNode(Protocol):
    """A node in the form that LangGraph calls; the first gets a `Query`, the others the state."""

    __name__: str

    def __call__(self, given: Any, runtime: Runtime[Any]) -> dict[str, Any]:
        """Return the part of the state that changes."""
        ...


class AsyncGraphNode(Protocol):
    """A node in the form that LangGraph calls under asyncio."""

    __name__: str

    def __call__(self, given: Any, runtime: Runtime[Any]) -> Awaitable[dict[str, Any]]:
        """Return the part of the state that changes."""
        ...


def recorded(name: str, node: Node, services: Callable[[], Services]) -> GraphNode:
    """Wrap `node` for LangGraph so that its step is written into the trail.

    Args:
        name: The node's, as the trail shows it.
        node: What is to be done.
        services: Called when the node runs, so that importing a graph opens nothing.
    """

    def run(given: Query | State, runtime: Runtime[Any]) -> dict[str, Any]:
        wired, info = services(), runtime.execution_info
        if info is None:
            raise RuntimeError("a recorded node can run only inside LangGraph")
        clean = _opened(given, runtime) if isinstance(given, Query) else given
        state, begun = _begun(name, clean, info, wired)
        asked = state.asked
        step = _Recorder(begun, asked.run, wired, runtime.stream_writer)
        if given is not state:
            step.tell(Started(thread=asked.thread, parent_run=asked.parent_run))
        step.tell(StepStarted(node=name, round=state.round))
        with step.failures_kept(), collected(step.outgoing):
            outcome = node(state, asked.context, wired)
        # It can quote a model, a server or a file.
        outcome = replace(outcome, summary=one_line(outcome.summary))
        update = {**outcome.update, "step": state.step + 1}
        if given is not state:
            # A new question, or a fork; what a node wrote of it is newer.
            update = {"asked": asked, **update}
        if name == FIRST_NODE:
            # A graph served by `langgraph dev` has no facade to open its run.
            now = update["asked"]
            setup = {**wired.versions(), "encoder": update["encoder"]}
            sha256 = now.photo.removeprefix(REFERENCE)
            wired.trail.open_run(_origin(now), sha256, question_of(now), setup)
        step.keep(outcome, "done")
        if outcome.settled is not None:
            wired.trail.close_run(asked.run, outcome.settled.model_dump(mode="json"))
        for event in outcome.told:
            step.tell(event)
        step.tell(StepDone(node=name, round=state.round, summary=outcome.summary))
        if not outcome.degraded:
            return update
        return {**update, "degraded": [*state.degraded, *outcome.degraded]}

    run.__name__ = name
    return run


class _Recorder:
    """Writes one step into the trail, and tells listeners of it."""

    def __init__(
        self, begun: Step, run: str, services: Services, write: Callable[[Any], None]
    ) -> None:
        self.tell = Teller(write, run, begun.number).tell
        self.outgoing = Outgoing(self._sending, begun.task_id, services.trail)
        self._begun = begun
        self._trail = services.trail
        self._clock = time.perf_counter()

    def keep(self, outcome: Outcome, result: StepOutcome, error: str | None = None) -> None:
        """Write down what is known of the step."""
        sent = self.outgoing.calls
        self._trail.record(
            replace(
                self._begun,
                outcome=result,
                took_ms=(time.perf_counter() - self._clock) * 1000,
                summary=outcome.summary,
                detail={**outcome.detail, "sent": sent} if sent else outcome.detail,
                degraded=tuple(reason.text for reason in outcome.degraded),
                error=error,
            )
        )

    def _sending(self, call: Outbound) -> None:
        """Write a call down before it is made; what this raises stops the call."""
        self.keep(Outcome({}, f"sending to {call}"), "running")
        self.tell(
            Sending(
                host=call.host,
                leaves=call.leaves,
                pictures=call.pictures,
                picture_bytes=call.picture_bytes,
                text_bytes=call.text_bytes,
            )
        )

    @contextmanager
    def failures_kept(self) -> Iterator[None]:
        """Write down why what is done inside does not end: an error, or a question to a person."""
        try:
            yield
        except GraphInterrupt as asking:
            interrupts = asking.args[0] if asking.args else ()
            question = interrupts[0].value if interrupts else None
            self.keep(Outcome({}, "waits for a person", {"question": question}), "waiting")
            self.tell(Questioned(question=FixQuestion.of(question)))
            raise
        except (GraphBubbleUp, DatabaseError):
            # Without the database there is nowhere to write.
            raise
        except Exception as error:
            told = one_line(str(error))
            failed = Outcome({}, f"failed: {told}")
            self.keep(failed, "failed", f"{type(error).__name__}: {told}")
            code = error.code if isinstance(error, GeofixError) else FAULT
            self.tell(Failed(node=self._begun.node, code=code, text=told))
            raise


def _opened(query: Query, runtime: Runtime[Any]) -> State:
    """Return the state in which a question begins: nothing of an earlier one on its thread."""
    info = runtime.execution_info
    run = query.run or str(uuid7())
    asked = Asked(
        run=run,
        thread=query.thread or (info and info.thread_id) or run,
        photo=query.photo,
        within=query.within,
        claimed=query.claimed,
        context=context_from(runtime.context),
    )
    return State(asked=asked)


def _begun(name: str, state: State, info: ExecutionInfo, services: Services) -> tuple[State, Step]:
    """Write down that a step begins; a step that was taken before belongs to a fork of its run."""
    if not state.asked.run:
        state = _of_earlier_version(state, info, services)
    step = Step(
        task_id=info.task_id,
        number=state.step,
        round=state.round,
        node=name,
        started_at=datetime.now(UTC),
        checkpoint_id=info.checkpoint_id,
    )
    begun = services.trail.begin(_origin(state.asked), step)
    if begun is not None:
        return state, begun
    forked = state.asked.model_copy(
        update={
            # The task had begun before, and the run it made then goes on.
            "run": services.trail.run_of_task(info.task_id) or str(uuid7()),
            "parent_run": state.asked.run,
            "forked_at": info.checkpoint_id,
        }
    )
    state = state.model_copy(update={"asked": forked})
    if name != FIRST_NODE:
        setup = {**services.versions(), "encoder": state.encoder}
        services.trail.open_run(_origin(forked), state.sha256, question_of(forked), setup)
    begun = services.trail.begin(_origin(forked), step)
    assert begun is not None
    return state, begun


def _of_earlier_version(state: State, info: ExecutionInfo, services: Services) -> State:
    """Return the state of a run whose checkpoints do not say what was asked, but its record does.

    Raises:
        TrailError: There is no record of it.
    """
    known = services.trail.read(info.thread_id or "")
    within, claimed = known.question.get("within"), known.question.get("claim")
    asked = Asked(
        run=known.id,
        thread=known.thread,
        photo=f"{REFERENCE}{known.photo_sha256}",
        within=None if within is None else Region(**within),
        claimed=claimed if isinstance(claimed, list) else None,
        context=Context.kept(known.question.get("options", {})),
    )
    return state.model_copy(update={"asked": asked, "step": len(known.steps)})


def _origin(asked: Asked) -> RunOrigin:
    return RunOrigin(asked.run, asked.thread, asked.parent_run, asked.forked_at)


def threaded(node: GraphNode) -> AsyncGraphNode:
    """Wrap a node for a graph that runs only under asyncio.

    LangGraph would run a synchronous node in the event loop's default executor, which
    is the host's own.
    """

    async def run(given: Any, runtime: Runtime[Any]) -> dict[str, Any]:
        return await in_thread(node, given, runtime)

    run.__name__ = node.__name__
    return run


def question_of(asked: Asked, claim: ClaimAsked | None = None) -> dict[str, Any]:
    """Return the question in the form that a run stores.

    Args:
        asked: What was asked.
        claim: The claim as it was given, where it is not that of `asked`.
    """
    given = asked.claimed if claim is None else claim
    return {
        "within": None if asked.within is None else asked.within.model_dump(mode="json"),
        "options": asked.context.model_dump(mode="json"),
        "claim": list(given) if isinstance(given, tuple) else given,
    }
