"""What stands between LangGraph and a node, without a database: the contract of the wrapper."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from geofix.agent.answer import Code, Reason
from geofix.agent.context import Context
from geofix.agent.run.recording import Node, Outcome, recorded
from geofix.agent.state import Query, Settled, State
from geofix.db.runs import RunOrigin, Step


class Listed:
    """Services whose trail is a list."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    @property
    def trail(self) -> Listed:
        return self

    def begin(self, origin: RunOrigin, step: Step) -> Step:
        return step

    def record(self, step: Step) -> None:
        self.steps.append(step)


def one_node(node: Node, services: Listed) -> CompiledStateGraph[State, Context, Query, Any]:
    builder = StateGraph(State, context_schema=Context, input_schema=Query, output_schema=State)
    step: Any = recorded("retrieve", node, lambda: services)  # type: ignore[arg-type, return-value]
    builder.add_node("retrieve", step, input_schema=Query)
    builder.add_edge(START, "retrieve")
    builder.add_edge("retrieve", END)
    return builder.compile()


def test_a_step_is_kept_and_progress_is_told() -> None:
    listed = Listed()
    graph = one_node(lambda *_: Outcome({"round": 1}, "done", {"seen": 3}), listed)
    events = list(graph.stream({"photo": "x"}, stream_mode="custom"))
    assert [event.kind for event in events] == ["started", "step_started", "step_done"]
    assert events[-1].summary == "done"
    (step,) = listed.steps
    assert (step.node, step.summary, step.detail, step.error) == (
        "retrieve",
        "done",
        {"seen": 3},
        None,
    )
    assert step.took_ms > 0


def test_a_graph_invoked_without_context_gets_the_defaults() -> None:
    seen: list[Context] = []

    def look(state: State, context: Context, services: Any) -> Outcome:
        seen.append(context)
        return Outcome({}, "looked")

    one_node(look, Listed()).invoke({"photo": "x"})
    assert seen == [Context()]


def test_what_is_degraded_is_added_to_the_state() -> None:
    def degrade(state: State, context: Context, services: Any) -> Outcome:
        return Outcome({}, "worse", degraded=(Reason.of(Code.MODEL_FAILED, "the model is down"),))

    result = one_node(degrade, Listed()).invoke({"photo": "x"})
    assert result["degraded"] == [Reason(code="model_failed", text="the model is down")]


def test_words_that_steer_a_terminal_are_kept_written_out() -> None:
    def degrade(state: State, context: Context, services: Any) -> Outcome:
        down = Reason.of(Code.MODEL_FAILED, "down: \x1b]0;x\x07 \u202egpj")
        return Outcome({}, "a\x1b[2Jb\nc", degraded=(down,))

    listed = Listed()
    result = one_node(degrade, listed).invoke({"photo": "x"})
    assert [reason.text for reason in result["degraded"]] == [r"down: \x1b]0;x\x07 \u202egpj"]
    assert listed.steps[0].degraded == (r"down: \x1b]0;x\x07 \u202egpj",)
    assert listed.steps[0].summary == r"a\x1b[2Jb c"
    # Whoever builds one by hand.
    assert (Reason(code="other", text="\x9b").text, Settled(photo_notes=["\r"]).photo_notes) == (
        r"\x9b",
        [""],
    )


def test_a_failure_is_kept_before_it_is_raised() -> None:
    def fail(state: State, context: Context, services: Any) -> Outcome:
        raise ValueError("no such thing")

    listed = Listed()
    with pytest.raises(ValueError, match="no such thing"):
        one_node(fail, listed).invoke({"photo": "x"})
    assert listed.steps[0].error == "ValueError: no such thing"
