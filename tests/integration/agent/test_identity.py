"""A run is itself: apart from its thread, from forks, and from whoever asks at the same time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any, TypedDict
from uuid import UUID

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import UnknownInterruptError
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from geofix import Agent, Settings, aopen_agent
from geofix.agent.checkpointer import serializer
from geofix.agent.errors import AlreadyDecided, RunBusy
from geofix.agent.regions import parse_region
from geofix.agent.run.intake import take_in
from geofix.agent.state import Verdict
from geofix.events import AnyEvent
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path

PARIS, VENICE = sample_path(), sample_path("indoor/gcs_close.jpg")

CLOSE = {"accept_margin": 1.0, "pause": "unsure"}
"""Options under which every run stops for a person."""


def reference(agent: Agent, photo: Any = PARIS) -> str:
    """The photo as a graph is asked about it."""
    return f"sha256:{take_in(photo, agent.services.queries).sha256}"


def nodes(agent: Agent, run: str | None) -> list[str]:
    return [step.node for step in agent.services.trail.read(run or "").steps]


NODES = ["embed", "retrieve", "draft", "verify", "settle"]


def test_a_run_has_an_id_of_its_own_that_is_ordered_by_time(agent: Agent) -> None:
    first = agent.locate(PARIS, thread_id="case-1")
    other = agent.locate(VENICE, thread_id="case-1")
    again = agent.locate(PARIS, thread_id="case-1")
    limited = agent.locate(PARIS, thread_id="case-1", within="France")
    runs = [str(fix.run) for fix in (first, other, limited)]
    assert again == first
    assert [UUID(run).version for run in runs] == [7, 7, 7]
    assert runs == sorted(set(runs))
    known = agent.services.trail.of_thread("case-1")
    assert [run.id for run in known] == runs
    assert [run.settled and run.settled["run"] for run in known] == runs


class Album(TypedDict, total=False):
    """The state of a caller's graph, which has a `photo` of its own."""

    photo: str
    album: list[str]
    places: list[str]


def test_questions_of_a_callers_graph_are_runs_of_their_own(agent: Agent) -> None:
    """Two photos asked on one thread made one run; the caller's own state was overwritten."""
    graph = agent.subgraph

    def ask(state: Album) -> Album:
        fixes = [graph.invoke({"photo": photo})["fix"] for photo in state["album"]]
        return {"places": [fix.run for fix in fixes]}

    builder = StateGraph(Album)
    builder.add_node("ask", ask)
    builder.add_node("inside", graph)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "inside")
    builder.add_edge("inside", END)
    parent = builder.compile(checkpointer=InMemorySaver(serde=serializer()))
    album = [reference(agent, PARIS), reference(agent, VENICE)]
    config: Any = {"configurable": {"thread_id": "chat"}}
    for photo in album:
        told = parent.invoke({"photo": photo, "album": album}, config)
        assert told["photo"] == photo
    known = agent.services.trail.of_thread("chat")
    assert len(known) == 6
    assert [run.photo_sha256 for run in known] == [
        photo.removeprefix("sha256:") for photo in (*album, album[0], *album, album[1])
    ]
    for run in known:
        assert run.settled is not None and run.settled["run"] == run.id
        assert nodes(agent, run.id) == NODES


def test_every_question_on_a_thread_starts_clean(agent: Agent) -> None:
    """After rounds the next question searched for more neighbours, within the last region."""
    config: Any = {"configurable": {"thread_id": "one"}}
    graph, photo = agent.graph, reference(agent)
    france = {"photo": photo, "within": parse_region("France"), "claimed": (48.0, 2.0)}
    context = {"positives": 4, "geometry_pictures": 0}
    graph.invoke(france, config, context=context)
    graph.update_state(
        config, {"round": 2, "region": parse_region("48.9,2.3,5"), "degraded": ["before"]}
    )
    graph.invoke({"photo": photo}, config, context=context)
    state = graph.get_state(config).values
    assert (state["round"], len(state["retrievals"]), state["degraded"]) == (0, 1, [])
    assert (state["asked"].within, state["asked"].claimed) == (None, None)
    assert state["retrievals"][0].region is None
    assert len(state["retrievals"][0].positives) == 4
    first, second = agent.services.trail.of_thread("one")
    assert (first.id, second.parent_run) != (second.id, first.id)


def test_a_fork_is_a_run_and_leaves_its_parents_answer_alone(agent: Agent) -> None:
    """A fork's steps and answer landed in its parent, or were lost."""
    fix = agent.locate(PARIS, thread_id="case-1", positives=3)
    graph = agent.graph
    config: Any = {"configurable": {"thread_id": fix.run}}
    before_settle = next(
        state for state in graph.get_state_history(config) if state.next == ("settle",)
    )
    doubt = Verdict(reasons=["somebody knows better"], decision="abstain")
    graph.invoke(None, graph.update_state(before_settle.config, {"verdict": doubt}))
    parent, fork = agent.services.trail.of_thread("case-1")
    assert (fork.parent_run, parent.parent_run) == (fix.run, None)
    assert fork.forked_at is not None
    assert (nodes(agent, fork.id), nodes(agent, parent.id)) == (["settle"], NODES)
    assert fork.settled is not None
    assert [reason["text"] for reason in fork.settled["reasons"]] == ["somebody knows better"]
    assert fork.question == parent.question
    # What was asked first is answered as it was, though the thread's latest state is the fork's.
    assert agent.locate(PARIS, thread_id="case-1", positives=3) == fix
    assert agent.resume(fork.id).status == "abstained"


def test_a_fork_is_asked_as_its_run_was(agent: Agent) -> None:
    fix = agent.locate(PARIS, positives=3)
    graph = agent.graph
    history = graph.get_state_history({"configurable": {"thread_id": fix.run}})
    before = next(state for state in history if state.next == ("retrieve",))
    graph.invoke(None, before.config)
    _, fork = agent.services.trail.of_thread(fix.run or "")
    retrieved = agent.services.trail.read(fork.id).steps[0]
    assert (retrieved.node, len(retrieved.detail["positives"])) == ("retrieve", 3)


def test_what_waits_for_a_person_is_not_taken_over_by_its_fork(agent: Agent) -> None:
    waiting = agent.locate(PARIS, run_id="waits", **CLOSE)
    graph = agent.graph
    config: Any = {"configurable": {"thread_id": "waits"}}
    before = next(s for s in graph.get_state_history(config) if s.next == ("draft",))
    graph.invoke(None, before.config)
    _, fork = agent.services.trail.of_thread("waits")
    assert agent.resume("waits", rank=1).latitude == waiting.candidates[0].latitude
    assert agent.services.trail.read(fork.id).settled is None
    assert agent.resume(fork.id, rank=2).latitude == waiting.candidates[1].latitude
    assert agent.resume("waits").latitude == waiting.candidates[0].latitude


def test_callers_of_one_new_run_drive_it_once(agent: Agent) -> None:
    """Four callers with one new id ran it four times."""
    together = Barrier(4)

    def ask(_: int) -> Any:
        together.wait()
        return agent.locate(PARIS, thread_id="case-1")

    with ThreadPoolExecutor(4) as pool:
        fixes = list(pool.map(ask, range(4)))
    assert all(fix == fixes[0] for fix in fixes)
    (run,) = agent.services.trail.of_thread("case-1")
    steps = agent.services.trail.read(run.id).steps
    assert [(step.node, step.attempt) for step in steps] == [(node, 1) for node in NODES]


async def test_callers_under_asyncio_drive_it_once_too(starter_url: str, encoder: Encoder) -> None:
    settings = Settings(database_url=starter_url)
    async with aopen_agent(settings, encoder=encoder) as opened:
        asked = (opened.alocate(PARIS, thread_id="case-1") for _ in range(4))
        fixes = await asyncio.gather(*asked)
        assert all(fix == fixes[0] for fix in fixes)
        trail = opened.services.trail
        assert len(trail.read(fixes[0].run or "").steps) == len(NODES)


def test_whoever_waits_too_long_for_a_driver_is_told(agent: Agent) -> None:
    held, free = Event(), Event()
    agent.services.settings = agent.services.settings.model_copy(update={"run_wait_s": 0})

    def hold(event: AnyEvent) -> None:
        held.set()
        assert free.wait(60)

    with ThreadPoolExecutor(1) as pool:
        driven = pool.submit(agent.locate, PARIS, run_id="busy", on_event=hold)
        assert held.wait(60)
        with pytest.raises(RunBusy, match="'busy'"):
            agent.locate(PARIS, run_id="busy")
        free.set()
        fix = driven.result()
    assert agent.resume("busy") == fix


def test_of_two_answers_to_one_question_the_first_holds(agent: Agent) -> None:
    """Both answers won, with different positions."""
    agent.locate(PARIS, run_id="waits", **CLOSE)
    together = Barrier(2)

    def choose(rank: int) -> Any:
        together.wait()
        try:
            return agent.resume("waits", rank=rank)
        except AlreadyDecided as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(choose, (1, 2)))
    (refused,) = [one for one in told if isinstance(one, AlreadyDecided)]
    (fix,) = [one for one in told if not isinstance(one, AlreadyDecided)]
    assert "a person chose candidate" in str(refused)
    assert agent.resume("waits") == fix
    review = agent.services.trail.read("waits").steps[-2]
    assert (review.node, review.outcome, review.attempt) == ("review", "done", 1)
    assert review.detail["decision"]["rank"] == told.index(fix) + 1


def test_an_answer_by_the_id_of_a_question_that_was_answered_is_refused(agent: Agent) -> None:
    agent.locate(PARIS, run_id="waits", **CLOSE)
    graph = agent.graph
    config: Any = {"configurable": {"thread_id": "waits", "__pregel_strict_resume": True}}
    (question,) = graph.get_state(config).interrupts
    graph.invoke(Command(resume={question.id: {"rank": 1}}), config)
    with pytest.raises(UnknownInterruptError):
        graph.invoke(Command(resume={question.id: {"rank": 2}}), config)


@pytest.mark.parametrize("rank", [99, -1, "2; drop", None])
def test_a_rank_that_was_not_offered_is_refused_by_the_node(agent: Agent, rank: Any) -> None:
    agent.locate(PARIS, run_id="waits", **CLOSE)
    graph = agent.graph
    config: Any = {"configurable": {"thread_id": "waits"}}
    with pytest.raises(ValueError, match="rank"):
        graph.invoke(Command(resume={"rank": rank}), config)
    assert agent.resume("waits").status == "waiting"
    assert agent.resume("waits", rank=1).status == "located"


class Theirs(TypedDict):
    """A context of the caller's own."""

    user: str
    positives: int


@pytest.mark.parametrize(
    ("context", "positives"),
    [
        (None, 16),
        ({"user": "u", "positives": 5}, 5),
        ({"user": "u", "geofix": {"positives": 6}}, 6),
        (object(), 16),
    ],
)
def test_a_callers_context_is_searched_for_ours(agent: Agent, context: Any, positives: int) -> None:
    """A parent's own context crashed ours; without one, a resumed run forgot what was asked."""
    builder = StateGraph(Album, context_schema=type(context))
    builder.add_node("inside", agent.subgraph)
    builder.add_edge(START, "inside")
    builder.compile().invoke({"photo": reference(agent)}, context=context)
    (run,) = agent.services.trail.latest()
    assert run.question["options"]["positives"] == positives
