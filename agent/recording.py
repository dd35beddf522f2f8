"""Between LangGraph and a node: times it, writes its step into the trail, tells who listens."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from geofix.agent.claims import ClaimAsked
from geofix.agent.context import Context
from geofix.agent.errors import DatabaseError
from geofix.agent.outcome import Outcome
from geofix.agent.outgoing import Outgoing, announced
from geofix.agent.services import Services
from geofix.agent.state import Fix, Region, State
from geofix.agent.threads import in_thread
from geofix.db.plain_text import one_line
from geofix.db.trail import Step

FIRST, LAST = "embed", "settle"
"""The nodes that every run begins and ends with."""

Node = Callable[[State, Context, Services], Outcome]


class GraphNode(Protocol):
    """A node as LangGraph calls it."""

    __name__: str

    def __call__(self, state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Return the part of the state that changes."""
        ...


class AsyncGraphNode(Protocol):
    """A node as LangGraph calls it under asyncio."""

    __name__: str

    def __call__(self, state: State, runtime: Runtime[Context]) -> Awaitable[dict[str, Any]]:
        """Return the part of the state that changes."""
        ...


def recorded(name: str, node: Node, services: Callable[[], Services]) -> GraphNode:
    """Return `node` as LangGraph calls it, with its step kept in the trail.

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
        if name == FIRST:
            # A graph served by `langgraph dev` has no facade to open its run.
            opened = {**wired.versions(), "encoder": outcome.update["encoder"]}
            question = question_of(state.within, context, state.claimed)
            wired.trail.open_run(_run_id(runtime), outcome.update["sha256"], question, opened)
        keep(outcome)
        if name == LAST:
            fix = Fix.model_validate(outcome.update)
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
    """Return a recorded node for a graph that is only run under asyncio.

    LangGraph would run a synchronous node in the event loop's default executor; see
    `geofix.agent.threads`.
    """

    async def run(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        return await in_thread(node, state, runtime)

    run.__name__ = node.__name__
    return run


def _plain(outcome: Outcome) -> Outcome:
    """Return an outcome whose words steer no terminal: a model, a server or a file is quoted."""
    return replace(
        outcome,
        summary=one_line(outcome.summary),
        degraded=tuple(one_line(reason) for reason in outcome.degraded),
    )


def question_of(
    within: Region | None, context: Context, claim: ClaimAsked | None = None
) -> dict[str, Any]:
    """Return what was asked, as a run keeps it."""
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
        raise RuntimeError("a recorded node runs inside LangGraph only")
    return Step(
        task_id=info.task_id,
        round=state.round,
        node=name,
        attempt=info.node_attempt,
        started_at=began,
        took_ms=took_ms,
        summary=outcome.summary,
        detail=outcome.detail,
        degraded=outcome.degraded,
        error=error,
        checkpoint_id=info.checkpoint_id,
    )
