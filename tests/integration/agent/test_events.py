"""What is told of a run: one kind of objects, whoever listens and however."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from langchain_core._api.beta_decorator import LangChainBetaWarning
from langgraph.stream.transformers import CustomTransformer

from geofix import Agent, Settings, aopen_agent, open_agent
from geofix.agent.run.intake import take_in
from geofix.events import AnyEvent, Event, read_event
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.integration.scripted_model import said
from tests.loopback import TOKENS_IN, TOKENS_OUT, Finished, chat_server, openai_answer

KINDS = [
    "started",
    *("step_started", "step_done"),
    *("step_started", "retrieved", "step_done"),
    *("step_started", "drafting", "step_done"),
    *("step_started", "verified", "step_done"),
    *("step_started", "settled", "step_done"),
]


def kinds(events: list[AnyEvent]) -> list[str]:
    return [event.kind for event in events]


def test_a_stream_tells_the_whole_run_in_order_and_ends_with_its_answer(agent: Agent) -> None:
    heard: list[AnyEvent] = []
    streamed = list(agent.stream(sample_path(), run_id="told"))
    fix = agent.locate(sample_path(), on_event=heard.append)
    assert kinds(streamed) == kinds(heard) == KINDS
    assert {event.run for event in streamed} == {"told"} and {e.run for e in heard} == {fix.run}
    assert all(one.sequence < other.sequence for one, other in pairwise(streamed))
    assert all(one.time <= other.time for one, other in pairwise(streamed))
    settled = next(event for event in heard if event.kind == "settled")
    assert settled.fix == fix.without_exif()
    retrieved = next(event for event in heard if event.kind == "retrieved")
    assert (retrieved.positives, retrieved.searched) == (16, 162)
    assert retrieved.places[0].label == fix.candidates[0].label
    # A run that has ended is not driven, and its stream ends with the answer all the same.
    (again,) = agent.stream(sample_path(), run_id="told")
    assert again.kind == "settled" and again.fix == agent.resume("told").without_exif()


def test_every_event_is_read_from_its_json(agent: Agent) -> None:
    for event in agent.stream(sample_path(), max_rounds=2, finest_km=0.01, accept_margin=0.0):
        assert read_event(event.model_dump_json()) == event
        assert read_event(event.model_dump(mode="json")) == event
    with pytest.raises(ValueError, match="kind"):
        read_event({"kind": "unheard"})


def test_langgraphs_custom_stream_gives_the_same_objects(agent: Agent) -> None:
    photo = f"sha256:{take_in(sample_path(), agent.services.queries).sha256}"
    told: list[Any] = list(agent.subgraph.stream({"photo": photo}, stream_mode="custom"))
    assert kinds(told) == KINDS
    assert all(isinstance(event, Event) for event in told)
    v2 = agent.subgraph.stream({"photo": photo}, stream_mode="custom", version="v2")
    assert kinds([part["data"] for part in v2]) == KINDS  # type: ignore[index]
    with pytest.warns(LangChainBetaWarning):
        v3 = agent.subgraph.stream_events(
            {"photo": photo}, version="v3", transformers=[CustomTransformer]
        )
    assert kinds(list(v3.custom)) == KINDS


def test_a_question_and_a_failure_are_told(
    agent: Agent, starter_url: str, encoder: Encoder
) -> None:
    *_, asked = agent.stream(sample_path(), run_id="waits", accept_margin=1.0, pause="unsure")
    assert asked.kind == "question" and asked.question == agent.resume("waits").question

    class Breaks:
        name, dimension = encoder.name, encoder.dimension

        def embed(self, images: Any) -> Any:
            raise OSError("the disk is gone")

    heard: list[AnyEvent] = []
    photo = sample_path("fresco/fsm.jpg")
    with (
        open_agent(Settings(database_url=starter_url), encoder=Breaks()) as broken,
        pytest.raises(OSError, match="disk is gone"),
    ):
        broken.locate(photo, on_event=heard.append)
    failed = heard[-1]
    assert failed.kind == "failed"
    assert (failed.node, failed.code, failed.text) == ("embed", "fault", "the disk is gone")


async def test_what_leaves_is_told_before_it_does_under_asyncio_too(
    starter_url: str, encoder: Encoder
) -> None:
    with chat_server(openai_answer, Finished(said(), from_cache=100)) as server:
        settings = Settings(
            database_url=starter_url, model="openai:tiny", model_url=f"{server.url}/v1"
        )
        async with aopen_agent(settings, encoder=encoder) as opened:
            events = [event async for event in opened.astream(sample_path())]
        (body,) = server.received
    sending = next(event for event in events if event.kind == "sending")
    assert kinds(events).index("sending") < kinds(events).index("drafting")
    assert (sending.host, sending.leaves, sending.pictures) == (server.url[7:], False, 1)
    assert 0 < sending.picture_bytes < len(body.text)
    drafting = next(event for event in events if event.kind == "drafting")
    # What the server had cached is among what went in.
    assert drafting.place is not None and drafting.tokens == TOKENS_IN + TOKENS_OUT
