"""Several photos at once, over one agent: what they share, and what each has alone."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from langgraph.graph import StateGraph
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import Engine, event

from geofix import Agent, Settings, aopen_agent, open_agent
from geofix.agent import storage
from geofix.agent.errors import DatabaseError
from geofix.agent.graph import build_graph
from geofix.agent.run import intake
from geofix.agent.services import Services
from geofix.agent.state import Settled
from geofix.db.engine import DatabaseAddress
from geofix.tools import once
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.fakes import WatchedLock, both

PATIENCE_S = 20.0

PHOTOS = [sample_path().read_bytes() + tail for tail in (b"one", b"two")]
"""The same picture in two files, so that each is decoded and embedded."""


class MeetingEncoder:
    """Embeds only while two threads do so at the same time."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name, self.dimension = encoder.name, encoder.dimension
        self._two = Barrier(2, timeout=PATIENCE_S)

    def embed(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        self._two.wait()
        return self._encoder.embed(images)


@pytest.fixture
def meeting(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> Encoder:
    """An encoder, and decoding, that need two threads inside."""
    two, read = Barrier(2, timeout=PATIENCE_S), intake.read_photo

    def met(source: Any) -> Any:
        two.wait()
        return read(source)

    monkeypatch.setattr(intake, "read_photo", met)
    return MeetingEncoder(encoder)


def identities(fixes: list[Settled]) -> list[str | None]:
    assert [fix.status for fix in fixes] == ["located", "located"]
    return [fix.photo for fix in fixes]


def expected() -> list[str]:
    return ["sha256:" + hashlib.sha256(photo).hexdigest() for photo in PHOTOS]


def test_two_threads_decode_and_embed_at_the_same_time(starter_url: str, meeting: Encoder) -> None:
    with open_agent(Settings(database_url=starter_url), encoder=meeting) as agent:
        fixes = both(*(lambda photo=photo: agent.locate(photo) for photo in PHOTOS))
        assert identities(fixes) == expected()
        # Each run has its own checkpoints, whatever the runs shared.
        for fix, photo in zip(fixes, expected(), strict=True):
            config: Any = {"configurable": {"thread_id": fix.run}}
            history = list(agent.graph.get_state_history(config))
            assert {state.values.get("photo") for state in history} - {None} == {photo}
            assert history[0].next == ()


async def test_questions_leave_the_event_loops_own_threads_to_others(
    starter_url: str, meeting: Encoder
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    async with aopen_agent(Settings(database_url=starter_url), encoder=meeting) as agent:
        fixes = await asyncio.gather(*(agent.alocate(photo) for photo in PHOTOS))
        assert identities(list(fixes)) == expected()


def test_no_more_photos_are_decoded_at_once_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[bool] = []

    class Gate:
        held = False

        def __enter__(self) -> None:
            self.held = True

        def __exit__(self, *raised: object) -> None:
            self.held = False

    gate, read = Gate(), intake.read_photo
    monkeypatch.setattr(intake, "_decoding", gate)
    monkeypatch.setattr(intake, "read_photo", lambda s: [inside.append(gate.held), read(s)][1])
    intake.read_in(PHOTOS[0])
    assert inside == [True] and not gate.held


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the graphs that were compiled."""
    names: list[str] = []
    compile_ = StateGraph.compile

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        names.append(options["name"])
        return compile_(self, *args, **options)

    monkeypatch.setattr(StateGraph, "compile", counted)
    yield names


def test_the_graph_is_compiled_once(compiled: list[str], agent: Agent) -> None:
    for photo in PHOTOS:
        agent.locate(photo)
    one, other = agent.graph, agent.graph
    assert compiled == ["geofix"]
    assert one.checkpointer is not other.checkpointer
    # Nothing but the saver is another, and nothing was lost in making a copy.
    kept = vars(agent._compiled)
    assert vars(one).keys() == kept.keys()
    assert {name for name in kept if vars(one)[name] is not kept[name]} == {"checkpointer"}
    anew = build_graph(lambda: agent.services).compile(name="geofix")
    assert one.name == anew.name
    assert one.context_schema is anew.context_schema
    assert one.config == anew.config
    assert one.get_input_jsonschema() == anew.get_input_jsonschema()
    assert one.get_output_jsonschema() == anew.get_output_jsonschema()
    assert one.get_graph().draw_mermaid() == anew.get_graph().draw_mermaid()


async def test_the_asynchronous_graph_is_compiled_once(
    compiled: list[str], starter_url: str, encoder: Encoder
) -> None:
    async with aopen_agent(Settings(database_url=starter_url), encoder=encoder) as agent:
        for photo in PHOTOS:
            await agent.alocate(photo)
        assert agent.graph.checkpointer is not agent.graph.checkpointer
    assert compiled == ["geofix"]


def test_an_engine_that_is_being_opened_is_closed_with_the_rest(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, opened, gone = WatchedLock(), list[Engine](), list[Engine]()
    real = storage.open_engine
    began = Barrier(2, timeout=PATIENCE_S)

    def slow(address: DatabaseAddress, **pool: Any) -> Engine:
        engine = real(address, **pool)
        opened.append(engine)
        event.listen(engine, "engine_disposed", gone.append)
        began.wait()
        # Until `close` waits for this.
        assert lock.awaited.wait(PATIENCE_S)
        return engine

    monkeypatch.setattr(storage, "open_engine", slow)
    services = Services(Settings(database_url=database_url))
    monkeypatch.setattr(once, "RLock", lambda: lock)

    def close() -> None:
        began.wait()
        services.close()

    def use() -> Engine | str:
        try:
            return services.engine
        except DatabaseError as error:
            return str(error)

    both(use, close)
    assert gone == opened and len(opened) == 1
    with pytest.raises(DatabaseError, match="is closed"):
        _ = services.engine


def test_an_engine_that_cannot_be_used_is_closed_at_once(
    new_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[Engine] = []
    real = storage.open_engine

    def watched(address: DatabaseAddress, **pool: Any) -> Engine:
        engine = real(address, **pool)
        event.listen(engine, "engine_disposed", gone.append)
        return engine

    monkeypatch.setattr(storage, "open_engine", watched)
    with Services(Settings(database_url=new_database)) as services:
        for tries in (1, 2):
            with pytest.raises(DatabaseError, match="geofix db upgrade"):
                _ = services.engine
            assert len(gone) == tries
