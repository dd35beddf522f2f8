"""Threads, resume, time travel, people: what LangGraph users know, on the real saver."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import Any

import pytest

from geofix import Agent, AsyncAgent, Fix, Settings, aopen_agent, open_agent
from geofix.agent.errors import DatabaseError, TrailError
from geofix.events import AnyEvent
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.conftest import execute
from tests.fakes import ScriptedChat
from tests.integration.scripted_model import said
from tests.loopback import Finished, chat_server, openai_answer

NODES = ["embed", "retrieve", "draft", "verify", "settle"]

CLOSE = {"accept_margin": 1.0, "pause": "unsure"}
"""Options under which every run stops for a person."""


def ended(events: list[AnyEvent]) -> list[str]:
    return [event.node for event in events if event.kind == "step_done"]


def test_a_finished_run_asked_again_answers_again_without_running(agent: Agent) -> None:
    events: list[AnyEvent] = []
    first = agent.locate(sample_path(), run_id="case-1", on_event=events.append)
    assert ended(events) == NODES
    events.clear()
    assert agent.locate(sample_path(), run_id="case-1", on_event=events.append) == first
    assert events == []


def test_one_run_is_one_question(agent: Agent) -> None:
    agent.locate(sample_path(), run_id="case-1")
    with pytest.raises(TrailError, match="another photo"):
        agent.locate(sample_path("indoor/gcs_close.jpg"), run_id="case-1")
    with pytest.raises(TrailError, match="other options"):
        agent.locate(sample_path(), run_id="case-1", positives=5)
    with pytest.raises(TrailError, match="belongs to the thread 'case-1'"):
        agent.locate(sample_path(), run_id="case-1", thread_id="case-2")


def test_a_known_photo_is_not_embedded_again(starter_url: str, encoder: Encoder) -> None:
    class Counted:
        name, dimension = encoder.name, encoder.dimension
        calls = 0

        def embed(self, images: Any) -> Any:
            self.calls += 1
            return encoder.embed(images)

    counted = Counted()
    with open_agent(Settings(database_url=starter_url), encoder=counted) as agent:
        agent.locate(sample_path(), run_id="case-1")
        agent.locate(sample_path(), run_id="case-2")
        steps = agent.services.trail.read("case-2").steps
    assert counted.calls == 1
    assert steps[0].detail["embedded_before"] is True


def test_a_run_that_waits_for_a_person_goes_on_with_the_choice(agent: Agent) -> None:
    waiting = agent.locate(sample_path(), run_id="case-1", **CLOSE)
    assert waiting.status == "waiting"
    assert [candidate.rank for candidate in waiting.candidates][:2] == [1, 2]
    second = waiting.candidates[1]
    fix = agent.resume("case-1", rank=2)
    assert fix.status == "located"
    assert (fix.latitude, fix.longitude) == (second.latitude, second.longitude)
    assert fix.reasons[0].code == "person_chose"
    # What the evidence says stays what it was: 1 would be taken for a probability.
    first = fix.candidates[0]
    assert (first.rank, first.score, first.distance_m) == (1, second.score, 0)
    assert first.score < fix.candidates[1].score
    nodes = [step.node for step in agent.services.trail.read("case-1").steps]
    assert nodes == ["embed", "retrieve", "draft", "verify", "review", "settle"]


def test_a_person_may_find_no_candidate_right(agent: Agent) -> None:
    agent.locate(sample_path(), run_id="case-1", **CLOSE)
    assert agent.resume("case-1").status == "waiting"
    assert agent.resume("case-1", rank=0).status == "abstained"


def test_a_choice_that_is_no_candidate_is_refused_and_the_run_still_waits(agent: Agent) -> None:
    agent.locate(sample_path(), run_id="case-1", **CLOSE)
    with pytest.raises(TrailError, match="99"):
        agent.resume("case-1", rank=99)
    assert agent.resume("case-1", rank=1).status == "located"


def test_resuming_an_unknown_run_is_an_error(agent: Agent) -> None:
    with pytest.raises(TrailError, match="nosuch"):
        agent.resume("nosuch")


def test_no_pixel_and_no_vector_and_no_name_is_in_a_checkpoint(agent: Agent) -> None:
    agent.locate(sample_path(), run_id="case-1")
    for state in agent.graph.get_state_history({"configurable": {"thread_id": "case-1"}}):
        text = repr(state.values)
        assert len(text) < 100_000
        assert "montmartre_close" not in text


KILLED = """
import os, signal, sys
from geofix import Settings, open_agent
from geofix.db.runs import Trail
from geofix.tools.photo.samples import sample_path

record = Trail.record

def record_and_die(self, step):
    record(self, step)
    if step.node == "draft" and step.outcome == "done":
        os.kill(os.getpid(), signal.SIGKILL)

Trail.record = record_and_die
url, model_url = sys.argv[1:]
with open_agent(Settings(database_url=url, model="openai:tiny", model_url=model_url)) as agent:
    agent.locate(sample_path(), run_id="killed", samples=2)
"""


def test_a_run_killed_between_a_draft_and_its_checkpoint_pays_once(
    starter_url: str, encoder: Encoder
) -> None:
    """The draft ran again, was paid again, and its second record replaced the first."""
    with chat_server(openai_answer, Finished(said(), others=(said(latitude=48.9),))) as server:
        model_url = f"{server.url}/v1"
        killed = [sys.executable, "-c", KILLED, starter_url, model_url]
        assert subprocess.run(killed, check=False).returncode == -signal.SIGKILL
        settings = Settings(database_url=starter_url, model="openai:tiny", model_url=model_url)
        events: list[AnyEvent] = []
        with open_agent(settings, encoder=encoder) as agent:
            fix = agent.locate(sample_path(), run_id="killed", samples=2, on_event=events.append)
            steps = agent.services.trail.read("killed").steps
        assert len(server.received) == 1
    assert fix.status == "located"
    assert ended(events) == ["draft", "verify", "settle"]
    assert [step.node for step in steps] == NODES
    draft = steps[2]
    (first,) = draft.earlier
    assert [(one.attempt, one.outcome) for one in (first, draft)] == [(1, "done"), (2, "done")]
    assert len(draft.detail["drafts"]) == 2
    for known in ("answers", "tokens", "calls", "latitude"):
        assert draft.detail[known] == first.detail[known], known
    assert "sent" in first.detail and "sent" not in draft.detail


def test_a_run_whose_listener_failed_goes_on_where_it_was(agent: Agent) -> None:
    def fail(event: AnyEvent) -> None:
        if event.kind == "step_done" and event.node == "retrieve":
            raise RuntimeError("nobody listens")

    with pytest.raises(RuntimeError, match="nobody listens"):
        agent.locate(sample_path(), run_id="case-1", on_event=fail)
    assert agent.services.trail.read("case-1").settled is None
    assert agent.locate(sample_path(), run_id="case-1").status == "located"


def test_a_run_whose_checkpoints_are_lost_begins_anew_and_says_so(
    agent: Agent, starter_url: str
) -> None:
    def cut(event: AnyEvent) -> None:
        if event.kind == "step_done" and event.node == "draft":
            raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        agent.locate(sample_path(), run_id="case-1", on_event=cut)
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        execute(agent.services.checkpoint_url, f"delete from langgraph.{table}")
    assert agent.locate(sample_path(), run_id="case-1").status == "located"
    steps = agent.services.trail.read("case-1").steps
    assert [(step.node, step.attempt) for step in steps] == [
        *((node, 2) for node in NODES[:3]),
        *((node, 1) for node in NODES[3:]),
    ]
    assert [step.earlier[0].error for step in steps[:3]] == [
        "the process ended before the run was saved"
    ] * 3
    assert agent.services.trail.of_thread("case-1") == [agent.services.trail.find("case-1")]


def test_a_run_goes_on_with_the_drafter_it_was_begun_with(
    starter_url: str, encoder: Encoder
) -> None:
    settings = Settings(database_url=starter_url)
    model = ScriptedChat(answers=[])
    with open_agent(settings, encoder=encoder, model=model) as begun:
        begun.locate(sample_path(), run_id="case-1")
    with open_agent(settings, encoder=encoder) as other:
        with pytest.raises(TrailError, match="scripted:one"):
            other.resume("case-1")
        with pytest.raises(TrailError, match="scripted:one"):
            other.locate(sample_path(), run_id="case-1")


def test_a_choice_for_a_run_that_does_not_wait_is_refused(agent: Agent) -> None:
    agent.locate(sample_path(), run_id="case-1")
    with pytest.raises(TrailError, match="is not waiting"):
        agent.resume("case-1", rank=1)


async def test_many_photos_at_once_on_the_asynchronous_saver(
    starter_url: str, encoder: Encoder
) -> None:
    names = ["outdoor/montmartre_close.jpg", "indoor/gcs_close.jpg", "fresco/fsm.jpg"]
    async with aopen_agent(Settings(database_url=starter_url), encoder=encoder) as opened:
        assert isinstance(opened, AsyncAgent)
        fixes = await asyncio.gather(*(opened.alocate(sample_path(name)) for name in names))
        waiting = await opened.alocate(sample_path(), run_id="case-1", **CLOSE)
        assert waiting.status == "waiting"
        resumed = await opened.aresume("case-1", rank=1)
    assert fixes[0].place is not None and fixes[0].place.label.startswith("Paris")
    assert len({fix.run for fix in fixes}) == 3
    assert resumed.status == "located"


def test_both_facades_answer_the_same(agent: Agent, starter_url: str, encoder: Encoder) -> None:
    async def ask() -> Fix:
        async with aopen_agent(Settings(database_url=starter_url), encoder=encoder) as opened:
            return await opened.alocate(sample_path())

    apart = {"run", "thread", "usage"}
    assert asyncio.run(ask()).model_dump(exclude=apart) == agent.locate(sample_path()).model_dump(
        exclude=apart
    )


def test_an_agent_that_is_closed_says_so(starter_url: str, encoder: Encoder) -> None:
    with open_agent(Settings(database_url=starter_url), encoder=encoder) as opened:
        pass
    with pytest.raises(DatabaseError, match="closed"):
        opened.locate(sample_path())


def test_a_node_that_fails_is_in_the_trail_and_the_run_can_go_on(
    starter_url: str, encoder: Encoder
) -> None:
    class Breaks:
        name, dimension = encoder.name, encoder.dimension

        def embed(self, images: Any) -> Any:
            raise OSError("the disk is gone")

    with (
        open_agent(Settings(database_url=starter_url), encoder=Breaks()) as broken,
        pytest.raises(OSError, match="disk is gone"),
    ):
        broken.locate(sample_path(), run_id="case-1")
    with open_agent(Settings(database_url=starter_url), encoder=encoder) as mended:
        steps = mended.services.trail.read("case-1").steps
        assert [(step.node, step.error) for step in steps] == [
            ("embed", "OSError: the disk is gone")
        ]
        assert mended.locate(sample_path(), run_id="case-1").status == "located"
        steps = mended.services.trail.read("case-1").steps
    assert [step.node for step in steps] == NODES
    assert steps[0].error is None
