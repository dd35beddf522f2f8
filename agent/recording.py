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
from contextvars import ContextVar, copy_context
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import Any, ParamSpec, Protocol, TypeVar

from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from geofix.agent.answer import Reason
from geofix.agent.calibration.claims import ClaimAsked
from geofix.agent.context import Context
from geofix.agent.errors import DatabaseError
from geofix.agent.services import Services
from geofix.agent.state import Region, Settled, State
from geofix.db.plain_text import one_line
from geofix.db.runs import Step
from geofix.tools.models.privacy import Outbound

Calls = list[dict[str, Any]]


class Outgoing:
    """The outgoing calls of one step, in order; safe to use from several threads."""

    def __init__(self, write: Callable[[Calls], None]) -> None:
        """Begin with none.

        Args:
            write: Puts the calls so far into the trail; what it raises stops the call.
        """
        self.calls: Calls = []
        self._write = write
        self._lock = Lock()

    def announce(self, call: Outbound) -> None:
        """Note a call before it is made."""
        with self._lock:
            self.calls.append({**asdict(call), "said": str(call)})
            self._write(list(self.calls))


_CURRENT: ContextVar[Outgoing | None] = ContextVar("outgoing", default=None)


@contextmanager
def announced(outgoing: Outgoing) -> Iterator[None]:
    """Collect the calls that are made inside in `outgoing`."""
    token = _CURRENT.set(outgoing)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def announce(call: Outbound) -> None:
    """Add a call to the step that is running.

    Raises:
        RuntimeError: No step runs here, so that nothing would be kept of the call.
    """
    outgoing = _CURRENT.get()
    if outgoing is None:
        raise RuntimeError(f"a call to {call.host!r} was made outside any step of the trail")
    outgoing.announce(call)


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


FIRST_NODE, LAST_NODE = "embed", "settle"
"""The first and the last node of every run."""

Node = Callable[[State, Context, Services], Outcome]


class GraphNode(Protocol):
    """A node in the form that LangGraph calls."""

    __name__: str

    def __call__(self, state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Return the part of the state that changes."""
        ...


class AsyncGraphNode(Protocol):
    """A node in the form that LangGraph calls under asyncio."""

    __name__: str

    def __call__(self, state: State, runtime: Runtime[Context]) -> Awaitable[dict[str, Any]]:
        """Return the part of the state that changes."""
        ...


def recorded(name: str, node: Node, services: Callable[[], Services]) -> GraphNode:
    """Wrap `node` for LangGraph so that its step is written into the trail.

    Args:
        name: The node's, as the trail shows it.
        node: What is to be done.
        services: Called when the node runs, so that importing a graph opens nothing.
    """

    def run(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        wired = services()
        # A graph invoked without context gets none at all; a fork goes on as its run was asked.
        context = runtime.context or _asked_before(wired, _run_id(runtime))
        runtime.stream_writer({"node": name, "round": state.round, "event": "started"})
        began, clock = datetime.now(UTC), time.perf_counter()

        def keep(outcome: Outcome, error: str | None = None) -> None:
            took_ms = (time.perf_counter() - clock) * 1000
            detail = {**outcome.detail, "sent": sent.calls} if sent.calls else outcome.detail
            known = replace(outcome, detail=detail)
            step = _step(name, state, runtime, began, took_ms, known, error)
            wired.trail.record(_run_id(runtime), step)

        # The step stands in the trail from its first call on, and is replaced once it is done.
        sent = Outgoing(lambda calls: keep(Outcome({}, f"sending to {calls[-1]['said']}")))
        try:
            with announced(sent):
                outcome = node(state, context, wired)
        except (GraphBubbleUp, DatabaseError):
            # An interrupt waits for a person, its step is written when the node has run through;
            # and without the database there is nowhere to write.
            raise
        except Exception as error:
            told = one_line(str(error))
            keep(Outcome({}, f"failed: {told}"), error=f"{type(error).__name__}: {told}")
            raise
        outcome = _plain(outcome)
        if name == FIRST_NODE:
            # A graph served by `langgraph dev` has no facade to open its run.
            opened = {**wired.versions(), "encoder": outcome.update["encoder"]}
            question = question_of(state.within, context, state.claimed)
            wired.trail.open_run(_run_id(runtime), outcome.update["sha256"], question, opened)
        keep(outcome)
        if name == LAST_NODE:
            fix = Settled.model_validate(outcome.update)
            wired.trail.close_run(_run_id(runtime), fix.model_dump(mode="json"), again=False)
        runtime.stream_writer(
            {"node": name, "round": state.round, "event": "finished", "summary": outcome.summary}
        )
        if not outcome.degraded:
            return outcome.update
        return {**outcome.update, "degraded": [*state.degraded, *outcome.degraded]}

    run.__name__ = name
    return run


def threaded(node: GraphNode) -> AsyncGraphNode:
    """Wrap a node for a graph that runs only under asyncio.

    LangGraph would run a synchronous node in the event loop's default executor, which
    is the host's own.
    """

    async def run(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        return await in_thread(node, state, runtime)

    run.__name__ = node.__name__
    return run


def _plain(outcome: Outcome) -> Outcome:
    """Escape control characters in the summary, since it can quote a model, a server or a file."""
    return replace(outcome, summary=one_line(outcome.summary))


def question_of(
    within: Region | None, context: Context, claim: ClaimAsked | None = None
) -> dict[str, Any]:
    """Return the question in the form that a run stores."""
    return {
        "within": None if within is None else within.model_dump(mode="json"),
        "options": context.model_dump(mode="json"),
        "claim": list(claim) if isinstance(claim, tuple) else claim,
    }


def _asked_before(services: Services, run: str) -> Context:
    known = services.trail.find(run)
    return Context() if known is None else Context.kept(known.question.get("options", {}))


def _run_id(runtime: Runtime[Context]) -> str:
    info = runtime.execution_info
    # Without a checkpointer there is no thread; the checkpoint id is then the run's own.
    return (info.thread_id or info.run_id or info.checkpoint_id) if info else "unknown"


def _step(
    name: str,
    state: State,
    runtime: Runtime[Context],
    began: datetime,
    took_ms: float,
    outcome: Outcome,
    error: str | None,
) -> Step:
    info = runtime.execution_info
    if info is None:
        raise RuntimeError("a recorded node can run only inside LangGraph")
    return Step(
        task_id=info.task_id,
        round=state.round,
        node=name,
        attempt=info.node_attempt,
        started_at=began,
        took_ms=took_ms,
        summary=outcome.summary,
        detail=outcome.detail,
        degraded=tuple(reason.text for reason in outcome.degraded),
        error=error,
        checkpoint_id=info.checkpoint_id,
    )
