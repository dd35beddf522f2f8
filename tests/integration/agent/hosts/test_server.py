"""LangGraph's own server over `langgraph.json`, as `langgraph dev` starts it."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from geofix import Fix
from geofix.tools.photo.samples import sample_path

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]
PICTURE = base64.b64encode(sample_path().read_bytes()).decode()
PHOTO = f"data:image/jpeg;base64,{PICTURE}"
CHEAP = {"positives": 4, "geometry_pictures": 0}
CLOSE = {"accept_margin": 1.0, "pause": "unsure"}
MODES = ["values", "updates", "custom", "tasks", "checkpoints", "debug", "messages-tuple"]


@pytest.fixture
def server(shared_starter_url: str, tmp_path: Path) -> Iterator[str]:
    """The server's address."""
    pytest.importorskip("langgraph_api", reason="LangGraph's server: `make test-slow` installs it")
    # Of the checkout, but what the server writes goes elsewhere.
    config = json.loads((ROOT / "langgraph.json").read_text())
    config["graphs"]["geofix"]["path"] = f"{ROOT}/{config['graphs']['geofix']['path']}"
    config["checkpointer"]["path"] = f"{ROOT}/{config['checkpointer']['path']}"
    file = tmp_path / "langgraph.json"
    file.write_text(json.dumps(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = subprocess.Popen(
        [
            *(sys.executable, "-c", "from langgraph_cli.cli import cli; cli()", "dev"),
            *("--config", str(file), "--port", str(port), "--no-browser", "--no-reload"),
        ],
        env={
            **os.environ,
            "DATABASE_URL": shared_starter_url,
            "LANGGRAPH_CLI_NO_ANALYTICS": "1",
            "LANGSMITH_TRACING": "false",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    up = Event()

    def listen() -> None:
        assert started.stdout is not None
        for line in started.stdout:
            said.append(line)
            if "Application started up" in line:
                up.set()

    listening = Thread(target=listen)
    with started:
        listening.start()
        try:
            if not up.wait(120):
                pytest.fail("the server did not start:\n" + "".join(said))
            yield f"http://127.0.0.1:{port}"
        finally:
            started.terminate()
            listening.join(60)


@pytest.fixture
def client(server: str) -> Iterator[SyncLangGraphClient]:
    with get_sync_client(url=server) as opened:
        yield opened


def test_langgraph_dev_serves_geofix(client: SyncLangGraphClient) -> None:
    thread = client.threads.create()["thread_id"]
    seen: dict[str, list[Any]] = {}
    for part in client.runs.stream(
        thread,
        "geofix",
        input={"photo": PHOTO},
        context=CHEAP,
        stream_mode=MODES,  # type: ignore[arg-type]
        stream_subgraphs=True,
    ):
        seen.setdefault(part.event, []).append(part.data)
    assert {"values", "updates", "custom", "tasks", "checkpoints", "debug"} <= seen.keys()
    assert [event["kind"] for event in seen["custom"]][0::99] == ["started"]
    values: Any = client.threads.get_state(thread)["values"]
    fix = Fix.read(values["fix"])
    assert (fix.status, fix.thread) == ("located", thread)
    # Only the request, which the server keeps as it came, holds the picture.
    assert PICTURE[100:200] not in json.dumps(client.threads.get_history(thread))

    thread = client.threads.create()["thread_id"]
    waiting: Any = client.runs.wait(thread, "geofix", input={"photo": fix.photo}, context=CLOSE)
    (question,) = waiting["__interrupt__"]
    chosen: Any = client.runs.wait(thread, "geofix", command={"resume": {"rank": 2}})
    second = question["value"]["candidates"][1]
    assert Fix.read(chosen["fix"]).latitude == pytest.approx(second["latitude"], abs=1e-5)

    with pytest.raises(Exception, match=r"PhotoError: the photo 'photo\.jpg' must be 'sha256"):
        client.runs.wait(None, "geofix", input={"photo": "photo.jpg"})

    # And as a node of a graph elsewhere.
    builder: Any = StateGraph(dict)
    builder.add_node("geofix", RemoteGraph("geofix", sync_client=client))
    builder.add_edge(START, "geofix")
    builder.add_edge("geofix", END)
    host = builder.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": thread.replace("0", "1")}}
    told = host.invoke({"photo": fix.photo}, config)
    assert Fix.read(told["fix"]).located
