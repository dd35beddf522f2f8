"""What LangSmith and a host's callbacks see of a run: its words, and no picture."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langsmith import Client, tracing_context

from geofix import Settings, aopen_agent
from geofix.agent.state import Query
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.integration.models.test_request import picture_in, telltale
from tests.integration.scripted_model import is_in_paris, said
from tests.listeners import Collector, Listener, collector
from tests.loopback import TOKENS_IN, TOKENS_OUT


@contextmanager
def traced() -> Iterator[Collector]:
    """Trace all that is done inside, as `LANGSMITH_TRACING=true` would, but this context alone."""
    with collector() as to:
        client = Client(api_url=to.url, api_key="ls-key")
        with tracing_context(enabled=True, client=client):
            yield to
        client.flush()
        client.cleanup()


def middle(data: bytes) -> str:
    """Return a slice of a picture's Base64, well behind its header."""
    encoded = base64.b64encode(data).decode()
    assert len(encoded) > 3000
    return encoded[2000:2100]


def data_url(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"


def thread(name: str, **more: Any) -> Any:
    return {"configurable": {"thread_id": name}, **more}


def sent_to(opened: Any) -> bytes:
    return picture_in(opened.server.received[-1].body)


def test_langsmith_gets_the_hash_of_each_picture(lab: Any, tmp_path: Path) -> None:
    opened = lab(said(), said())
    path = telltale(tmp_path)
    with traced() as to:
        opened.locate()
        picture = sent_to(opened)
        opened.agent.graph.invoke(Query(photo=data_url(path)), thread("by data URL"))
    # The client was sent what the traces have the hash of.
    for one in (picture, sent_to(opened)):
        assert f"sha256:{hashlib.sha256(one).hexdigest()}" in to.everything
        assert middle(one) not in to.everything
    assert f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" in to.everything
    assert middle(path.read_bytes()) not in to.everything
    # It did come, words and all.
    assert "You find out where a photo was taken" in to.everything
    assert "a white dome on a hill" in to.everything


def test_a_hosts_callbacks_see_hashes_and_the_token_usage(lab: Any, tmp_path: Path) -> None:
    opened = lab(said(), said())
    listener, path = Listener(), telltale(tmp_path)
    graph = opened.agent.graph
    shown = list(
        graph.stream(
            {"photo": data_url(path)},
            thread("listened to", callbacks=[listener]),
            stream_mode=["messages", "updates"],
        )
    )
    picture = sent_to(opened)
    assert listener.names() >= {"on_chain_start", "on_chat_model_start", "on_llm_end"}
    assert f"sha256:{hashlib.sha256(picture).hexdigest()}" in listener.everything
    history = repr(list(graph.get_state_history(thread("listened to"))))
    for seen in (
        listener.everything,
        repr(shown),
        history,
    ):
        assert middle(picture) not in seen
        assert middle(path.read_bytes()) not in seen
        assert f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" in seen
    (tokens,) = listener.tokens
    assert (tokens["input_tokens"], tokens["output_tokens"]) == (TOKENS_IN, TOKENS_OUT)
    # Nor does a host that streams messages get those of a draft among its own.
    assert {mode for mode, _ in shown} == {"updates"}
    assert opened.server.received[0].body.get("stream") is not True


def test_a_host_can_have_the_pictures_traced(lab: Any) -> None:
    opened = lab(said(), trace_photos=True)
    listener = Listener()
    graph = opened.agent.graph
    photo = opened.agent.keep(sample_path())
    assert photo == f"sha256:{hashlib.sha256(sample_path().read_bytes()).hexdigest()}"
    graph.invoke({"photo": photo}, thread("shown", callbacks=[listener]))
    assert middle(sent_to(opened)) in listener.everything


def test_offline_nothing_of_a_run_is_traced_and_other_agents_are(lab: Any) -> None:
    shut, open_ = lab(said(), said(), offline=True), lab(said())
    with traced() as to:
        fix, _ = shut.locate()
        shut.agent.graph.invoke({"photo": shut.agent.keep(sample_path())}, thread("offline"))
    assert is_in_paris(fix) and len(shut.server.received) == 2
    assert to.bodies == []
    with traced() as to:
        open_.locate()
    assert to.bodies != []


async def test_under_asyncio_it_is_the_same(
    shared_starter_url: str, encoder: Encoder, tmp_path: Path
) -> None:
    path, listener = telltale(tmp_path), Listener()
    settings = Settings(database_url=shared_starter_url)
    async with aopen_agent(settings, encoder=encoder) as agent:
        config = thread("async", callbacks=[listener])
        fix = await agent.graph.ainvoke({"photo": data_url(path)}, config)
        kept = await agent.akeep(path)
        states = [state async for state in agent.graph.aget_state_history(thread("async"))]
    assert fix["fix"] is not None and kept in listener.everything and kept in repr(states)
    assert middle(path.read_bytes()) not in listener.everything + repr(states)
