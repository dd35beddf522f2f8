"""geofix as a node of other people's graphs, on savers of theirs."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from pydantic import BaseModel

from geofix import Agent, Fix, Settings, aopen_agent, open_agent
from geofix.agent.errors import OptionError, PhotoError, RegionError, SettingError, TrailError
from geofix.agent.run.intake import take_in
from geofix.langgraph import as_node, serializer
from geofix.tools.encoders import Encoder
from geofix.tools.photo.samples import sample_path
from tests.fakes import ScriptedChat
from tests.integration.scripted_model import said

PARIS, VENICE = sample_path(), sample_path("indoor/gcs_close.jpg")

CLOSE = {"accept_margin": 1.0, "pause": "unsure"}
"""Options under which every run stops for a person."""

CHEAP = {"positives": 4, "negatives": 0, "geometry_pictures": 0}

NODES = ["embed", "retrieve", "draft", "verify", "settle"]


class Case(TypedDict, total=False):
    """The state of a caller's graph, with names of its own."""

    photo: Any
    region: str
    place: tuple[float, float]
    where: Any


@dataclass
class CaseData:
    photo: Any = None
    region: Any = None
    where: Any = None


class CaseModel(BaseModel):
    photo: Any = None
    region: Any = None
    where: Fix | None = None


def one_node(schema: type[Any], node: Any, saver: Any = None, **more: Any) -> Any:
    """A caller's graph of nothing but our node."""
    builder: Any = StateGraph(schema, **more)
    builder.add_node("inside", node)
    builder.add_edge(START, "inside")
    builder.add_edge("inside", END)
    return builder.compile(checkpointer=saver)


def memory(*also: type) -> InMemorySaver:
    return InMemorySaver(serde=serializer(*also))


def on(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


def steps(agent: Any, run: str) -> list[tuple[str, int, str]]:
    found = agent.services.trail.read(run).steps
    return [(step.node, step.attempt, step.outcome) for step in found]


@pytest.mark.parametrize("schema", [Case, CaseData, CaseModel])
def test_a_node_reads_and_writes_the_keys_of_any_state(agent: Agent, schema: type[Any]) -> None:
    node = as_node(agent, within="region", answer="where", **CHEAP)
    graph = one_node(schema, node, memory(CaseData, CaseModel))
    given = {"photo": str(PARIS), "region": "France"}
    told = graph.invoke(given, on("case"))
    state = graph.get_state(on("case")).values
    for one in (told, state):
        fix = one["where"]
        assert isinstance(fix, Fix)
        assert fix.status == "located"
        # A parent's own key stays as it was.
        assert (one["photo"], one["region"]) == (str(PARIS), "France")
    (run,) = agent.services.trail.of_thread("case")
    assert run.id == fix.run
    assert run.question["within"]["country_code"] == "FR"
    assert run.question["options"]["positives"] == 4
    assert [name for name, _, _ in steps(agent, run.id)] == NODES


def reference(agent: Any, photo: Path = PARIS) -> str:
    return f"sha256:{take_in(photo, agent.services.queries).sha256}"


def data_url(photo: Path = PARIS) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(photo.read_bytes()).decode()}"


@pytest.mark.parametrize("form", ["path", "bytes", "data", "sha256"])
def test_no_checkpoint_of_ours_holds_more_of_a_photo_than_its_hash(agent: Agent, form: str) -> None:
    forms: dict[str, Any] = {
        "path": PARIS,
        "bytes": PARIS.read_bytes(),
        "data": data_url(),
        "sha256": reference(agent),
    }
    saver = memory()
    graph = one_node(Case, as_node(agent, answer="where", **CHEAP), saver)
    fix = graph.invoke({"photo": forms[form]}, on("case"))["where"]
    assert fix.photo == forms["sha256"]
    ours = [one for one in saver.list(None) if one.config["configurable"]["checkpoint_ns"]]
    assert len(ours) > len(NODES)
    said = repr(ours)
    assert PARIS.name not in said
    assert forms["data"][100:200] not in said and repr(forms["bytes"][100:200])[2:-1] not in said


def test_what_is_asked_wrongly_is_said_before_anything_is_stored(agent: Agent) -> None:
    def asked(state: dict[str, Any], **keys: Any) -> None:
        one_node(Case, as_node(agent, **keys)).invoke(state)

    with pytest.raises(PhotoError, match="the state's 'photo' holds no photo"):
        asked({"region": "France"})
    with pytest.raises(PhotoError, match="the photo is a int"):
        asked({"photo": 7})
    with pytest.raises(RegionError, match="Atlantis"):
        asked({"photo": PARIS, "region": "Atlantis"}, within="region")
    with pytest.raises(RegionError, match="the claim 'exif' cannot be checked in a graph"):
        asked({"photo": PARIS, "region": "exif"}, claimed="region")
    with pytest.raises(OptionError, match="there is no option 'positive'"):
        as_node(agent, positive=3)
    with pytest.raises(OptionError, match="the state CaseData has no key 'picture'"):
        one_node(CaseData, as_node(agent, photo="picture")).invoke({"photo": PARIS})
    assert agent.services.trail.latest() == []


def test_paths_are_confined_where_the_host_says_so(agent: Agent, tmp_path: Path) -> None:
    home = tmp_path / "photos"
    (home / "deeper").mkdir(parents=True)
    (home / "deeper" / "one.jpg").write_bytes(PARIS.read_bytes())
    (tmp_path / "secret.jpg").write_bytes(VENICE.read_bytes())
    (home / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (home / "up").symlink_to(tmp_path)
    graph = one_node(Case, as_node(agent, answer="where", folder=home, **CHEAP))
    for outside in ("../secret.jpg", "link.jpg", "up/secret.jpg", tmp_path / "secret.jpg", "a\0b"):
        with pytest.raises(PhotoError, match=r"leads out of the folder|cannot be read"):
            graph.invoke({"photo": outside})
    assert agent.services.trail.latest() == []
    assert graph.invoke({"photo": "deeper/one.jpg"})["where"].photo == reference(agent)


def test_two_photos_on_one_thread_are_two_runs(agent: Agent) -> None:
    node = as_node(agent, answer="where", **CHEAP)
    graph = one_node(Case, node, memory())
    first = graph.invoke({"photo": PARIS}, on("chat"))["where"]
    second = graph.invoke({"photo": VENICE}, on("chat"))["where"]
    again = graph.invoke({"photo": PARIS}, on("chat"))["where"]
    assert len({first.run, second.run, again.run}) == 3
    assert first.photo == again.photo != second.photo
    assert {run.id for run in agent.services.trail.of_thread("chat")} == {
        first.run,
        second.run,
        again.run,
    }


class Theirs(BaseModel):
    """A context of the caller's own."""

    user: str = "u"
    geofix: dict[str, Any] = {"positives": 6, "negatives": 2}


@pytest.mark.parametrize(
    ("context", "expected"),
    [(None, (16, 0)), (Theirs(), (6, 0)), ({"user": "u", "positives": 5}, (5, 0))],
)
def test_the_hosts_context_applies_and_the_nodes_own_options_come_first(
    agent: Agent, context: Any, expected: tuple[int, int]
) -> None:
    node = as_node(agent, negatives=0, geometry_pictures=0)
    graph = one_node(Case, node, context_schema=type(context))
    graph.invoke({"photo": PARIS}, context=context)
    (run,) = agent.services.trail.latest()
    options = run.question["options"]
    assert (options["positives"], options["negatives"]) == expected


def test_a_claim_is_checked(agent: Agent) -> None:
    node = as_node(agent, claimed="place", answer="where", as_json=True, **CHEAP)
    told = one_node(Case, node).invoke({"photo": PARIS, "place": (45.4, 12.3)})["where"]
    fix = Fix.read(told)
    assert fix.claim is not None and fix.claim.checked is not None
    assert (fix.claim.checked.latitude, fix.claim.exif) == (45.4, None)


def test_an_error_of_ours_surfaces_and_the_hosts_checkpoint_survives(
    agent: Agent, tmp_path: Path
) -> None:
    photo = tmp_path / "later.jpg"
    graph = one_node(Case, as_node(agent, answer="where", **CHEAP), memory())
    with pytest.raises(PhotoError, match=r"later\.jpg"):
        graph.invoke({"photo": photo, "region": "kept"}, on("case"))
    state = graph.get_state(on("case"))
    assert state.next == ("inside",)
    assert state.values == {"photo": photo, "region": "kept"}
    assert "later.jpg" in state.tasks[0].error
    photo.write_bytes(PARIS.read_bytes())
    assert graph.invoke(None, on("case"))["where"].status == "located"


def test_an_unknown_photo_fails_inside_our_graph_with_its_text(agent: Agent) -> None:
    graph = one_node(Case, as_node(agent, **CHEAP), memory())
    with pytest.raises(TrailError, match=r"0{64}"):
        graph.invoke({"photo": "sha256:" + "0" * 64}, on("case"))
    assert graph.get_state(on("case")).next == ("inside",)


def test_a_person_is_asked_by_the_hosts_graph_over_postgres(agent: Agent, starter_url: str) -> None:
    url = starter_url
    with PostgresSaver.from_conn_string(url) as saver:
        saver.serde = serializer()
        saver.setup()
        graph = one_node(Case, as_node(agent, answer="where", **CLOSE, **CHEAP), saver)
        waiting = graph.invoke({"photo": PARIS}, on("case"))
        (question,) = waiting["__interrupt__"]
    # Another process would find it there.
    with PostgresSaver.from_conn_string(url) as saver:
        saver.serde = serializer()
        graph = one_node(Case, as_node(agent, answer="where", **CLOSE, **CHEAP), saver)
        look = {"action": "look", "region": "France"}
        (again,) = graph.invoke(Command(resume=look), on("case"))["__interrupt__"]
        assert again.value["round"] == question.value["round"] + 1
        told = graph.invoke(Command(resume={"rank": 2}), on("case"))
    fix, offered = told["where"], again.value["candidates"]
    assert fix.status == "located"
    assert fix.latitude == pytest.approx(offered[1]["latitude"], abs=1e-5)
    (run,) = agent.services.trail.of_thread("case")
    assert steps(agent, run.id)[-2:] == [("review", 1, "done"), ("settle", 1, "done")]


def test_a_saver_that_would_lose_our_state_is_refused(agent: Agent) -> None:
    strict = InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
    graph = one_node(Case, as_node(agent), strict)
    with pytest.raises(SettingError, match=r"InMemorySaver would lose .*serializer\(\)"):
        graph.invoke({"photo": PARIS}, on("case"))


MODES = ["values", "updates", "messages", "custom", "debug", "checkpoints", "tasks"]


def test_every_stream_mode_arrives(agent: Agent) -> None:
    graph = one_node(Case, as_node(agent, answer="where", **CHEAP), memory())
    for mode in MODES:
        told = list(graph.stream({"photo": PARIS}, on(mode), stream_mode=mode))
        if mode == "custom":
            assert [one.node for one in told if one.kind == "step_done"] == NODES
        elif mode != "messages":
            assert told
    seen: dict[str, list[Any]] = {}
    for space, mode, told in graph.stream(
        {"photo": PARIS}, on("all"), stream_mode=MODES, subgraphs=True
    ):
        seen.setdefault(mode, []).append((space, told))
    custom = [told for _, told in seen["custom"]]
    assert [one.node for one in custom if one.kind == "step_done"] == NODES
    inside = [name for space, told in seen["updates"] if space for name in told]
    assert inside == NODES


async def test_the_same_under_asyncio(starter_url: str, encoder: Encoder) -> None:
    settings = Settings(database_url=starter_url)
    async with aopen_agent(settings, encoder=encoder) as agent:
        graph = one_node(Case, as_node(agent, answer="where", **CHEAP), memory())
        seen: dict[str, list[Any]] = {}
        async for space, mode, told in graph.astream(
            {"photo": PARIS}, on("all"), stream_mode=MODES, subgraphs=True
        ):
            seen.setdefault(mode, []).append((space, told))
        custom = [told for _, told in seen["custom"]]
        assert [one.node for one in custom if one.kind == "step_done"] == NODES
        events = [one async for one in graph.astream_events({"photo": PARIS}, on("v2"))]
        assert {"on_custom_event", "on_chain_end"} & {one["event"] for one in events}
        # Several at once, and a person over the asynchronous saver of Postgres.
        async with AsyncPostgresSaver.from_conn_string(starter_url) as saver:
            saver.serde = serializer()
            await saver.setup()
            asks = one_node(Case, as_node(agent, answer="where", **CLOSE, **CHEAP), saver)
            photos = {"a": PARIS, "b": VENICE}
            await asyncio.gather(
                *(asks.ainvoke({"photo": photo}, on(name)) for name, photo in photos.items())
            )
            for name, photo in photos.items():
                told = await asks.ainvoke(Command(resume={"rank": 1}), on(name))
                assert told["where"].photo == reference(agent, photo)


@pytest.mark.parametrize("durability", ["sync", "async"])
async def test_a_stream_that_is_cancelled_leaves_a_run_that_resumes(
    starter_url: str, encoder: Encoder, durability: Any
) -> None:
    settings = Settings(database_url=starter_url)
    async with aopen_agent(settings, encoder=encoder) as agent:
        graph = one_node(Case, as_node(agent, answer="where", **CHEAP), memory())
        begun = asyncio.Event()

        async def watch() -> None:
            async for event in graph.astream(
                {"photo": PARIS}, on("case"), stream_mode="custom", durability=durability
            ):
                if event.kind == "step_started" and event.node == "retrieve":
                    begun.set()
                    await asyncio.Event().wait()

        watching = asyncio.create_task(watch())
        await asyncio.wait_for(begun.wait(), 60)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching
        told = await graph.ainvoke(None, on("case"))
        assert told["where"].status == "located"
        (run,) = agent.services.trail.of_thread("case")
        assert run.id == told["where"].run
        taken = steps(agent, run.id)
        assert [name for name, _, _ in taken] == NODES
        assert taken[0] == ("embed", 1, "done")


async def test_a_synchronous_node_runs_in_an_asynchronous_host(
    agent: Agent, starter_url: str
) -> None:
    async with AsyncPostgresSaver.from_conn_string(starter_url) as saver:
        saver.serde = serializer()
        await saver.setup()
        graph = one_node(Case, as_node(agent, answer="where", **CLOSE, **CHEAP), saver)
        told = [
            one async for one in graph.astream({"photo": PARIS}, on("case"), stream_mode="custom")
        ]
        assert [one.node for one in told if one.kind == "step_done"] == NODES[:4]
        told = await graph.ainvoke(Command(resume={"rank": 1}), on("case"))
        assert told["where"].status == "located"


def test_what_our_model_says_stays_out_of_the_hosts_messages(
    starter_url: str, encoder: Encoder
) -> None:
    model = ScriptedChat(answers=[said()])
    settings = Settings(database_url=starter_url)
    with open_agent(settings, encoder=encoder, model=model) as agent:
        graph = one_node(Case, as_node(agent, answer="where", **CHEAP), memory())
        assert list(graph.stream({"photo": PARIS}, on("case"), stream_mode="messages")) == []
    assert len(model.seen) == 1
