"""The embedded database as somebody who sets nothing finds it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from geofix import Settings, aopen_agent, locate, open_agent
from geofix.agent.errors import DatabaseError
from geofix.agent.services import Services
from geofix.db import schema
from geofix.db.embedded import postmaster
from geofix.db.embedded.server import EmbeddedServer
from geofix.db.engine import open_engine
from geofix.db.load.galleries import list_galleries, remove_gallery
from geofix.events import AnyEvent
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path


@pytest.fixture
def settings() -> Iterator[Settings]:
    yield from _settings()


@pytest.fixture(scope="module")
def lived_in() -> Iterator[Settings]:
    """An embedded database that is set up, for tests that add at most runs."""
    yield from _settings()


def _settings() -> Iterator[Settings]:
    # Not pytest's own folder: under root that one is closed to the account Postgres runs as.
    home = Path(tempfile.mkdtemp(prefix="geofix-embedded-"))
    home.chmod(0o755)
    yield Settings(data=home)
    shutil.rmtree(home)


def test_the_first_call_sets_everything_up_and_the_last_user_stops_the_server(
    settings: Settings,
) -> None:
    fix = locate(sample_path(), settings=settings)
    assert fix.place is not None and fix.place.label.startswith("Paris")
    with Services(settings) as services:
        assert not services.server.status().running
        assert [gallery.name for gallery in list_galleries(services.engine)] == ["starter"]
        assert services.trail.read(fix.run or "").settled is not None
        assert services.checkpoint_url.endswith("/geofix_checkpoints")
        remove_gallery(services.engine, "starter")
    with Services(settings) as services:
        assert list_galleries(services.engine) == [], "what was removed came back"


def test_a_first_start_that_was_killed_in_the_middle_is_finished_by_the_next(
    settings: Settings, encoder: Encoder
) -> None:
    with Services(settings) as services:
        engine = open_engine(services.database_url)
        schema.upgrade_schema(engine)
        engine.dispose()
    with open_agent(settings, encoder=encoder) as agent:
        assert agent.locate(sample_path()).status == "located"


def kill(server: EmbeddedServer) -> int:
    """Kill the server; return its port, once nobody serves there any longer."""
    status = server.status()
    assert status.pid is not None and status.port is not None
    os.kill(status.pid, signal.SIGKILL)
    cluster = server.data_dir / "postgres"
    assert postmaster.wait_until(lambda: not postmaster.orphans(cluster), timeout_s=30)
    return status.port


@pytest.mark.parametrize("again_by", ["itself", "another"])
def test_an_open_agent_works_again_after_its_server_was_killed(
    lived_in: Settings, encoder: Encoder, again_by: str
) -> None:
    with open_agent(lived_in, encoder=encoder) as agent:
        server = agent.services.server
        asked = agent.locate(sample_path(), run_id=f"by {again_by}")
        before = kill(server)
        if again_by == "another":
            EmbeddedServer(server.data_dir).start()
        assert agent.locate(sample_path()).status == "located"
        again = agent.locate(sample_path(), run_id=f"by {again_by}")
        assert (again.latitude, again.longitude) == (asked.latitude, asked.longitude)
        assert server.status().port != before
    assert not server.status().running


def test_a_run_whose_server_was_killed_is_finished_by_the_same_call(
    lived_in: Settings, encoder: Encoder
) -> None:
    with open_agent(lived_in, encoder=encoder) as agent:

        def die(event: AnyEvent) -> None:
            if event.kind == "step_started" and event.node == "verify":
                kill(agent.services.server)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            agent.locate(sample_path(), run_id="cut off", on_event=die)
        events: list[AnyEvent] = []
        fix = agent.locate(sample_path(), run_id="cut off", on_event=events.append)
        assert fix.status == "located"
        # The node that was under way may still find the server back, and be done by then.
        started = [e.node for e in events if e.kind == "step_started"]
        assert started in (["verify", "settle"], ["settle"])


async def test_an_async_agent_works_again_after_its_server_was_killed(
    lived_in: Settings, encoder: Encoder
) -> None:
    async with aopen_agent(lived_in, encoder=encoder) as agent:
        assert (await agent.alocate(sample_path(), run_id="async")).status == "located"
        kill(agent.services.server)
        # First over the asynchronous pool, which starts the server.
        state = await agent.graph.aget_state({"configurable": {"thread_id": "async"}})
        assert state.values
        assert (await agent.alocate(sample_path())).status == "located"


def test_a_server_that_does_not_start_again_is_described_as_it_is(
    lived_in: Settings, encoder: Encoder
) -> None:
    with open_agent(lived_in, encoder=encoder) as agent:
        server, engine = agent.services.server, agent.services.engine
        kill(server)
        control = server.data_dir / "postgres" / "global" / "pg_control"
        control.rename(control.with_name("moved"))
        try:
            with pytest.raises(DatabaseError) as caught:
                agent.locate(sample_path())
        finally:
            control.with_name("moved").rename(control)
        assert str(server.log) in str(caught.value)
        assert "DATABASE_URL" not in str(caught.value)
        assert agent.locate(sample_path()).status == "located"
    with pytest.raises(DatabaseError, match="is closed"):
        schema.check_schema(engine)
    assert not server.status().running


SERVED = """
import base64, sys
from geofix.agent.langgraph_server import graph
from geofix.tools.photo.samples import sample_path

photo = base64.b64encode(sample_path().read_bytes()).decode()
print(graph.invoke({"photo": f"data:image/jpeg;base64,{photo}"})["fix"].status)
"""


def test_the_graph_of_a_module_closes_what_it_opened_at_the_end_of_the_process(
    lived_in: Settings,
) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "-c", SERVED],
        env={**os.environ, "GEOFIX_DATA": str(lived_in.data)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "located\n", "")
    with Services(lived_in) as services:
        assert not services.server.status().running
